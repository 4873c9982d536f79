import { type AddressInfo, createServer, type Socket } from 'node:net';
import { benchWords, readBenchInput } from './bench-input.ts';
import { now } from './time.ts';

/**
 * A provider that costs next to nothing: chat completions over HTTP/1.1 by hand, each event made once, one token per
 * write for paced answers (`tokensPerSecond` each, spread over the second by one timer) and one write for whole answers.
 * Prints its address. With `tells`, sends its parent when a request came and when a client closed the connection of an
 * unfinished answer: milliseconds since 1970 with microseconds behind the point.
 */
const tokensPerSecond = Number(process.argv[2] ?? 100);
/** Instead of words, when each token was sent: milliseconds since 1970 and a space. */
const sendsTimes = process.argv.includes('times');
const tells = process.argv.includes('tells');

const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const framed = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const event = (choice: string): string =>
  framed(
    `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[{"index":0,${choice}}]}\n\n`,
  );
const tokenEvent = (text: string): string => event(`"delta":{"content":"${text}"},"finish_reason":null`);
const wordEvents = benchWords.map((word) => Buffer.from(tokenEvent(word)));
const end = `${event('"delta":{},"finish_reason":"stop"')}${framed('data: [DONE]\n\n')}0\r\n\r\n`;

interface Answer {
  readonly socket: Socket;
  sent: number;
}
/** A paced answer belongs to one of the slots, each of which has its turn once in the time of a token. */
const slots: Set<Answer>[] = Array.from({ length: Math.max(1, Math.round(1_000 / tokensPerSecond)) }, () => new Set());
const wholeAnswers = new Map<number, Buffer>();

const server = createServer({ noDelay: true }, (socket) => {
  let received = '';
  let running: { id: string; stop(): void } | undefined;
  socket.on('error', () => {});
  socket.on('close', () => {
    running?.stop();
    if (running !== undefined && tells) process.send?.({ closed: running.id, atMs: now() });
  });
  socket.on('data', (data) => {
    received += data.toString('latin1');
    const bodyAt = received.indexOf('\r\n\r\n') + 4;
    if (bodyAt < 4) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(received.slice(0, bodyAt))?.[1] ?? 0);
    if (received.length < bodyAt + length) return;
    const { id, tokens } = readBenchInput(received) ?? { id: '', tokens: 1 };
    received = received.slice(bodyAt + length);
    if (tells) process.send?.({ started: id, atMs: now() });
    if (tokens > 0) return void socket.write(wholeAnswer(tokens));
    socket.write(head);
    const slot = slots.reduce((least, other) => (other.size < least.size ? other : least));
    const answer: Answer = { socket, sent: 0 };
    slot.add(answer);
    running = { id, stop: () => slot.delete(answer) };
  });
});

function wholeAnswer(tokens: number): Buffer {
  let bytes = wholeAnswers.get(tokens);
  if (bytes === undefined) {
    const events = Array.from({ length: tokens }, (_, i) => tokenEvent(benchWords[i % benchWords.length]!));
    bytes = Buffer.from(`${head}${events.join('')}${end}`);
    wholeAnswers.set(tokens, bytes);
  }
  return bytes;
}

const startedMs = performance.now();
let ticks = 0;
setInterval(() => {
  // by the clock and not by the count of ticks, which come late
  const due = Math.floor(((performance.now() - startedMs) * slots.length * tokensPerSecond) / 1_000);
  for (ticks = Math.max(ticks, due - slots.length); ticks < due; ticks++)
    for (const answer of slots[ticks % slots.length]!) writeToken(answer);
}, 1);

function writeToken(answer: Answer): void {
  const index = answer.sent++ % wordEvents.length;
  answer.socket.write(sendsTimes ? tokenEvent(`${now().toFixed(3)} `) : wordEvents[index]!);
}

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1\n`);
});
