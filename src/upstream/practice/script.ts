import { hashText } from '../../lib/hash-text.ts';
import { UpstreamError, type ToolDefinition, type UpstreamToolCall } from '../contract.ts';
import type { Conversation } from './conversation.ts';
import { helpText, longSentences, markdownText, reasoningSentences, tips } from './texts.ts';

/** A whole answer, decided before its first token. */
export interface Script {
  reasoning: string;
  text: string;
  call: UpstreamToolCall | undefined;
  /** Ends the answer after what was said. */
  error: UpstreamError | undefined;
  slow: boolean;
}

const longestQuote = 200;
const longSentenceCount = 90;

/** The same conversation and seed give the same script. */
export function writeScript(conversation: Conversation, seed: number): Script {
  const script: Script = { reasoning: '', text: '', call: undefined, error: undefined, slow: false };
  if (conversation.toolResult !== undefined) {
    const { name, output } = conversation.toolResult;
    script.text = `The tool ${name} answered ${quote(output)}. With that I can say: the round trip through your application works.`;
    return script;
  }
  switch (conversation.command) {
    case 'help':
      script.text = helpText;
      break;
    case 'echo':
      script.text = conversation.words === '' ? 'There was nothing to echo: say /echo TEXT.' : conversation.words;
      break;
    case 'markdown':
      script.text = markdownText;
      break;
    case 'long':
      script.text = longText(conversation, seed);
      break;
    case 'error':
      script.text = 'I was asked to fail, so I stop in the middle of';
      script.error = new UpstreamError('upstream_error', 'The practice model failed, as it was asked to.');
      break;
    case 'tool':
      if (conversation.tool === undefined) script.text = 'No tool was declared with this turn, so I cannot call one.';
      else script.call = callTool(conversation.tool, conversation);
      break;
    case 'reason':
      script.reasoning = reasoningSentences.join(' ');
      script.text = ordinaryText(conversation, seed);
      break;
    default:
      script.text = ordinaryText(conversation, seed);
      script.slow = conversation.command === 'slow';
  }
  return script;
}

function ordinaryText(conversation: Conversation, seed: number): string {
  const { turnNumber, words, media } = conversation;
  const greeting =
    turnNumber === 1
      ? 'Hello! I am the practice model of Parley, a gateway between chat applications and language models.'
      : `This is turn ${turnNumber} of our conversation.`;
  const wordCount = words.split(/\s+/).filter((word) => word !== '').length;
  const seen = media === '' ? '' : `You sent ${media}. `;
  const reflection =
    wordCount === 0
      ? media === ''
        ? 'You said nothing but a command, which is fine.'
        : 'A real model would say what is in it.'
      : `You said ${quote(words)}, which is ${wordCount === 1 ? 'one word' : `${wordCount} words`}.`;
  const tip = tips[(turnNumber - 1 + Math.abs(Math.trunc(seed))) % tips.length] ?? helpText;
  return `${greeting} ${seen}${reflection}\n\n${tip}`;
}

function longText(conversation: Conversation, seed: number): string {
  const first = hashText(`${seed}:${conversation.turnNumber}:${conversation.words}`);
  const paragraphs: string[] = [];
  for (let index = 0; index < longSentenceCount; index += 1) {
    const sentence = longSentences[(first + index) % longSentences.length] ?? '';
    if (index % 5 === 0) paragraphs.push(`${index / 5 + 1}. ${sentence}`);
    else paragraphs[paragraphs.length - 1] += ` ${sentence}`;
  }
  return paragraphs.join('\n\n');
}

function callTool(tool: ToolDefinition, conversation: Conversation): UpstreamToolCall {
  return {
    id: `call_practice_${conversation.turnNumber}_${hashText(tool.name + conversation.words).toString(36)}`,
    name: tool.name,
    arguments: JSON.stringify(sampleValue(tool.parameters ?? {}, conversation.words, 0)),
  };
}

/** A value of the shape that a JSON schema describes; the user's words stand wherever text is wanted. */
function sampleValue(schema: Record<string, unknown>, words: string, depth: number): unknown {
  const choices = schema['enum'];
  if (Array.isArray(choices) && choices.length > 0) return choices[0];
  switch (schema['type']) {
    case 'string':
      return words === '' ? 'practice' : words.slice(0, longestQuote);
    case 'number':
    case 'integer':
      return typeof schema['minimum'] === 'number' ? schema['minimum'] : 1;
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'null':
      return null;
    default: {
      const value: Record<string, unknown> = {};
      const properties = schema['properties'];
      if (typeof properties !== 'object' || properties === null || depth > 8) return value;
      for (const [key, property] of Object.entries(properties)) {
        value[key] = sampleValue(property as Record<string, unknown>, words, depth + 1);
      }
      return value;
    }
  }
}

function quote(text: string): string {
  const characters = Array.from(text.slice(0, longestQuote * 2).replace(/\s+/g, ' '));
  const shown = characters.slice(0, longestQuote).join('');
  return `“${shown}${shown.length < text.length ? '…' : ''}”`;
}
