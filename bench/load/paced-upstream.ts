import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A provider that streams forever, one token per write, all streams by one timer: `tokensPerSecond` each, spread over
 * the second. Prints its address. Sends its parent, per request closed by the client, the time since 1970 in
 * milliseconds with microseconds behind the point.
 */
const tokensPerSecond = Number(process.argv[2] ?? 100);
const maxTokens = Number(process.argv[3] ?? Number.POSITIVE_INFINITY);
/** Instead of words, when each token was sent: milliseconds since 1970 and a space. */
const tellsTime = process.argv[4] === 'times';

const head =
  '{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[{"index":0,"delta":{"content":';
const tail = '},"finish_reason":null}]}\n\n';
const words = [' the', ' quick', ' brown', ' fox', ' jumps', ' over', ' a', ' lazy', ' dog', '.'];

interface Stream {
  write(data: string): void;
  end(): void;
  count: number;
}
const streams = new Set<Stream>();

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (data: Buffer) => {
    body += data.toString();
  });
  request.on('end', () => {
    const turn = /"x-bench-turn":"(\w+)"/.exec(body)?.[1] ?? request.headers['x-client-request-id'];
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const stream: Stream = {
      write: (data) => void response.write(data),
      end: () => void response.end('data: [DONE]\n\n'),
      count: 0,
    };
    streams.add(stream);
    response.on('close', () => {
      streams.delete(stream);
      if (!response.writableFinished)
        process.send?.({ closed: turn, atMs: performance.timeOrigin + performance.now() });
    });
  });
});

// a tick of one millisecond: as few streams at once as a timer allows
const slots = Math.max(1, Math.round(1000 / tokensPerSecond));
let slot = 0;
setInterval(
  () => {
    slot = (slot + 1) % slots;
    let i = 0;
    for (const stream of streams) {
      if (i++ % slots !== slot) continue;
      const word = words[stream.count++ % words.length];
      stream.write(
        `data: ${head}"${tellsTime ? `${(performance.timeOrigin + performance.now()).toFixed(3)} ` : word}"${tail}`,
      );
      if (stream.count >= maxTokens) {
        streams.delete(stream);
        stream.write(`data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n`);
        stream.end();
      }
    }
  },
  1000 / tokensPerSecond / slots,
);

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1\n`);
});
