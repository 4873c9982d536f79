/** What the practice model says about Parley; one of these ends an ordinary answer, in turn. */
export const tips: readonly string[] = [
  'To talk to a real model, stop Parley, set OPENAI_API_KEY (and OPENAI_BASE_URL for any other server that speaks the same protocol, such as http://localhost:11434/v1 for Ollama), and start it again.',
  'Press the stop button while I am talking: the turn ends at once, the connection to the provider is closed, and what you already read stays in the conversation. Say /long first to have the time.',
  'Reload this page in the middle of an answer: I go on talking meanwhile, and you get the rest without a gap or a repeated word.',
  'Open this conversation in a second tab: both tabs see the same words at the same time, and either of them can stop me.',
  'Say /tool to see a tool call, /reason to see reasoning, /markdown to see formatting, /slow for a slow model, /error for a failing one. /help lists them all.',
];

export const helpText = `I am the practice model of Parley: I run inside the gateway, need no key and cost nothing. I know these commands:

- /help shows this list
- /echo TEXT says TEXT and nothing else
- /long gives a long answer, for trying the stop button, a reload or a second tab
- /slow answers slowly
- /reason thinks before it answers
- /tool calls the first tool that was declared, then uses its result
- /markdown shows headings, a list, code and a table
- /error fails in the middle of the answer

To use a real model, set OPENAI_API_KEY (and OPENAI_BASE_URL for another server) and start Parley again.`;

export const markdownText = `# Markdown

An answer may hold **bold** and *italic* words, \`code\` and [links](https://www.markdownguide.org/).

## A list

1. One
2. Two
   - with something below
3. Three

## Code

\`\`\`ts
const answer: string[] = [];
for await (const event of session.send('Hello')) {
  if (event.type === 'text') answer.push(event.text);
}
\`\`\`

## A table

| frame | from | meaning |
| --- | --- | --- |
| turn | client | start an answer |
| delta | server | a piece of it |
| turn.ended | server | exactly one |

> That is all.
`;

/** Sentences of which a long answer is made, each on its own meaningful. */
export const longSentences: readonly string[] = [
  'A session is a log of events, and every event has a position in it.',
  'A client that lost its connection names the position it expects next and gets exactly what it missed.',
  'A lost connection does not stop an answer; only the stop button, a limit or a deadline does.',
  'Stopping closes the connection to the provider, so that nobody pays for words that nobody reads.',
  'Every piece of text says how many tokens the turn has used so far.',
  'No word is shown before it is written down, so that even a crash cannot take it back.',
  'Every turn ends exactly once, and all tabs agree on how.',
  'The client names its turns, so that sending one twice does not ask the provider twice.',
  'A slow reader gets merged pieces instead of holding the others up.',
  'The thousandth turn of a conversation starts as fast as the tenth.',
  'While this goes on, try a reload, a second tab, or the stop button.',
];

export const reasoningSentences: readonly string[] = [
  'The user wants to see me think, so I should take the question apart first.',
  'I am a practice model without knowledge of the world, so I cannot answer it in earnest.',
  'What I can do is reflect the words, say which turn this is, and point to something worth trying.',
];
