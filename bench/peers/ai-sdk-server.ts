import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { requirePeer } from './installed-packages.ts';

/** The chat route of the AI SDK's guide for Node: UI messages in, a UI message stream out, stopped when the client leaves. */
interface AiSdk {
  convertToModelMessages(messages: unknown): unknown;
  streamText(options: object): { pipeUIMessageStreamToResponse(response: ServerResponse): void };
}
interface OpenAiCompatible {
  createOpenAICompatible(options: object): (model: string) => unknown;
}

const { convertToModelMessages, streamText } = requirePeer('ai') as AiSdk;
const { createOpenAICompatible } = requirePeer('@ai-sdk/openai-compatible') as OpenAiCompatible;
const provider = createOpenAICompatible({ name: 'bench', baseURL: process.argv[2] });

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') return void response.end('ok');
  let body = '';
  for await (const part of request) body += String(part);
  const controller = new AbortController();
  response.on('close', () => controller.abort());
  const { messages } = JSON.parse(body) as { messages: unknown };
  const result = streamText({
    model: provider('bench'),
    messages: await convertToModelMessages(messages),
    abortSignal: controller.signal,
    // an aborted answer is no error to print
    onError: () => {},
  });
  result.pipeUIMessageStreamToResponse(response);
}

const server = createServer((request, response) => void answer(request, response));
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
