import { createInterface, type Interface } from 'node:readline';
import { type Client, connect, type Session, type Turn, type TurnPart } from '../../clients/node/index.ts';
import { CommandError } from './command-error.ts';

export interface ChatFlags {
  url: string;
  session?: string;
  system?: string;
  model?: string;
  key?: string;
}

/** Two interrupts within this time leave, milliseconds. */
const leaveMs = 2_000;

/** A terminal chat: streams answers; Ctrl-C cancels the running turn, twice leaves. With input from a pipe, one turn per line. */
export async function chat(flags: ChatFlags): Promise<void> {
  const client = await connect(flags.url, {
    client: { name: 'parley-chat' },
    ...(flags.key === undefined ? {} : { auth: { key: flags.key } }),
  });
  try {
    await talkTo(client, flags);
  } finally {
    await client.close();
  }
}

async function talkTo(client: Client, flags: ChatFlags): Promise<void> {
  const isTerminal = process.stdin.isTTY;
  const settings = {
    ...(flags.system === undefined ? {} : { system: flags.system }),
    ...(flags.model === undefined ? {} : { model: flags.model }),
  };
  const session = await client.session(flags.session, settings, { replay: 'new' });
  const lines = createInterface({
    input: process.stdin,
    output: isTerminal ? process.stdout : undefined,
    terminal: isTerminal,
  });
  if (isTerminal) greet(session, client.welcome?.upstream.wire === 'practice');
  client.on('state', (state) => {
    if (isTerminal && state !== 'live') process.stderr.write(dim(`[${state}]\n`));
  });
  await talk(session, lines, isTerminal);
  lines.close();
}

async function talk(session: Session, lines: Interface, isTerminal: boolean): Promise<void> {
  let running: Turn | undefined;
  let lastInterruptMs = Number.NEGATIVE_INFINITY;
  let leaving = false;
  const interrupt = (): void => {
    const nowMs = performance.now();
    const isSecond = nowMs - lastInterruptMs < leaveMs;
    lastInterruptMs = nowMs;
    if (isSecond || (running === undefined && !isTerminal)) {
      leaving = true;
      lines.close();
      return;
    }
    if (running === undefined) process.stdout.write(dim('\n(Ctrl-C again leaves)\n> '));
    else void running.cancel({ reason: 'interrupted by the user' }).catch(() => {});
  };
  lines.on('SIGINT', interrupt);
  process.on('SIGINT', interrupt);
  const prompt = (): void => {
    if (isTerminal) lines.prompt();
  };
  lines.setPrompt('> ');
  prompt();
  for await (const line of lines) {
    if (line.trim() !== '') {
      running = session.send(line);
      try {
        await show(running, isTerminal);
      } catch (error) {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
        if (!isTerminal) process.exitCode = 1;
      }
      running = undefined;
    }
    if (leaving) break;
    prompt();
  }
  process.off('SIGINT', interrupt);
}

async function show(turn: Turn, isTerminal: boolean): Promise<void> {
  let inReasoning = false;
  for await (const part of turn) {
    if (part.type === 'reasoning' && !isTerminal) continue;
    if (inReasoning && part.type === 'text') process.stdout.write('\n');
    inReasoning = part.type === 'reasoning';
    process.stdout.write(textOf(part));
  }
  const { status, message, usage, timing, reason, sources = [] } = await turn.done;
  process.stdout.write('\n');
  for (const { url, title } of sources)
    process.stdout.write(dim(`[source] ${title === undefined ? '' : `${title}: `}${url}`) + '\n');
  if (status !== 'completed')
    process.stderr.write(
      `[${status}${message === undefined ? (reason === undefined ? '' : `: ${reason}`) : `: ${message}`}]\n`,
    );
  if (!isTerminal) {
    if (status === 'failed') process.exitCode = 1;
    return;
  }
  const first = timing.firstTokenMs === undefined ? '' : `, first after ${timing.firstTokenMs} ms`;
  process.stderr.write(
    dim(`${usage.input} tokens in, ${usage.output} out (${usage.source})${first}, ${timing.totalMs} ms\n`),
  );
}

function textOf(part: TurnPart): string {
  if (part.type === 'text') return part.text;
  if (part.type === 'reasoning') return dim(part.text);
  if (part.type === 'restarted') return dim(`\n[the answer begins anew: ${part.reason}]\n`);
  if (part.type === 'tool-call')
    return dim(`\n[calls ${part.name} ${part.arguments}; this terminal has no tools, Ctrl-C cancels]\n`);
  return '';
}

function greet(session: Session, practice: boolean): void {
  process.stdout.write(`Session ${session.id}. Ctrl-C stops an answer, twice leaves.\n`);
  if (practice) process.stdout.write('The practice upstream answers: no provider is configured at the gateway.\n');
}

function dim(text: string): string {
  return process.stdout.isTTY ? `\u001b[2m${text}\u001b[22m` : text;
}

/** The url flag, checked. */
export function gatewayUrl(text: string): string {
  if (!URL.canParse(text) || !/^(?:https?|wss?):$/.test(new URL(text).protocol)) {
    throw new CommandError(`“${text}” is not an address of a gateway; give one such as http://127.0.0.1:8080.`, 2);
  }
  return text;
}
