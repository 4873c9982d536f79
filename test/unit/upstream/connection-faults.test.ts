import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { brokenConnection } from '../../../src/upstream/http-errors.ts';
import type { HttpUpstreamOptions } from '../../../src/upstream/http-upstream.ts';
import { makeCertificates } from '../../support/make-certificates.ts';
import { createTestUpstream, runAnswer } from './support/chat-upstream.ts';

const answer = 'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
let directory: string;
let files: ReturnType<typeof makeCertificates>;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'parley-test-'));
  files = makeCertificates(directory);
});

afterAll(() => rmSync(directory, { recursive: true }));

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** An https provider with a certificate for `localhost`. */
function startProvider(options: ServerOptions = {}): Promise<number> {
  const pair = { cert: readFileSync(files.certificate), key: readFileSync(files.key) };
  return listen(
    createHttpsServer({ ...pair, ...options }, (request, response) => {
      request.resume();
      response.setHeader('content-type', 'text/event-stream');
      response.end(answer);
    }),
  );
}

async function ask(baseUrl: string, options: Partial<HttpUpstreamOptions> = {}) {
  const upstream = createTestUpstream({ baseUrl, ...options });
  const sink = await runAnswer(upstream);
  await upstream.close();
  expect(sink.violations).toEqual([]);
  expect(sink.error?.message ?? '').not.toMatch(/localhost|127\.0\.0\.1|\.test|:\d/);
  return sink;
}

function selfSigned(name: string): { cert: Buffer; key: Buffer } {
  const file = (kind: string): string => join(directory, `${name}.${kind}`);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key')];
  const rest = ['-out', file('pem'), '-days', '1', '-subj', `/CN=${name}`];
  execFileSync('openssl', ['req', '-x509', ...newKey, ...rest], { stdio: 'ignore' });
  return { cert: readFileSync(file('pem')), key: readFileSync(file('key')) };
}

describe('a provider over TLS', () => {
  it('with a certificate of an own authority is trusted through tls.caFile', async () => {
    const port = await startProvider();
    const sink = await ask(`https://localhost:${port}/v1`, { tls: { caFile: files.ca } });
    expect([sink.text, sink.error]).toEqual(['Hi', undefined]);
  });

  it('is not trusted without', async () => {
    const { error } = await ask(`https://localhost:${await startProvider()}/v1`);
    expect([error?.code, error?.message]).toEqual([
      'upstream_unreachable',
      'The certificate of the provider is of an authority that the gateway does not trust.',
    ]);
    expect((error!.cause as NodeJS.ErrnoException).code).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('that is self-signed is told apart', async () => {
    const port = await startProvider(selfSigned('localhost'));
    const { error } = await ask(`https://localhost:${port}/v1`);
    expect(error?.message).toBe('The certificate of the provider is self-signed, and the gateway does not know it.');
  });

  it('has to have the name in the address, or the one in tls.servername', async () => {
    const port = await startProvider();
    const { error } = await ask(`https://127.0.0.1:${port}/v1`, { tls: { caFile: files.ca } });
    expect([error?.code, error?.message]).toEqual([
      'upstream_unreachable',
      'The certificate of the provider is for another name.',
    ]);
    const named = await ask(`https://127.0.0.1:${port}/v1`, { tls: { caFile: files.ca, servername: 'localhost' } });
    expect(named.text).toBe('Hi');
  });

  it('may have expired', async () => {
    const file = (name: string): string => join(directory, name);
    const openssl = (...args: string[]): void =>
      void execFileSync('openssl', args, { stdio: 'ignore', cwd: directory });
    writeFileSync(
      file('old.cnf'),
      '[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n',
    );
    writeFileSync(file('index.txt'), '');
    writeFileSync(file('serial'), '77');
    const dates = ['-startdate', '200101000000Z', '-enddate', '200102000000Z'];
    const from = ['-in', 'server.csr', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-extfile', 'names.cnf'];
    openssl('ca', '-batch', '-config', 'old.cnf', ...dates, ...from, '-out', 'old.pem');
    const port = await startProvider({ cert: readFileSync(file('old.pem')) });
    const { error } = await ask(`https://localhost:${port}/v1`, { tls: { caFile: files.ca } });
    expect(error?.message).toBe('The certificate of the provider has expired.');
  });

  it('that asks for a client certificate gets it', async () => {
    const port = await startProvider({ ca: readFileSync(files.ca), requestCert: true, rejectUnauthorized: true });
    const baseUrl = `https://localhost:${port}/v1`;
    const without = await ask(baseUrl, { tls: { caFile: files.ca } });
    expect(without.error?.code).toMatch(/^upstream_(error|unreachable)$/);
    const tls = { caFile: files.ca, certificateFile: files.certificate, keyFile: files.key };
    expect((await ask(baseUrl, { tls })).text).toBe('Hi');
  });

  it('or rather without TLS is told apart', async () => {
    const port = await listen(createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad\r\n\r\n')));
    const { error } = await ask(`https://localhost:${port}/v1`);
    expect([error?.code, error?.message]).toEqual([
      'upstream_unreachable',
      'The provider does not speak TLS, or not in a version that the gateway takes.',
    ]);
  });

  it('is not made with files that cannot be read, or with half a pair', () => {
    const make = (tls: HttpUpstreamOptions['tls']) => () => createTestUpstream({ baseUrl: 'https://a.test', tls });
    expect(make({ caFile: '/nowhere/ca.pem' })).toThrow(/caFile/);
    expect(make({ certificateFile: files.certificate })).toThrow(/go together/);
  });
});

describe('a provider that cannot be reached', () => {
  it('because it refuses is told so', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    for (const host of ['127.0.0.1', 'localhost']) {
      const { error } = await ask(`http://${host}:${port}/v1`);
      expect([error?.code, error?.message]).toEqual(['upstream_unreachable', 'The provider refused the connection.']);
      expect(error?.cause).toBeInstanceOf(Error);
    }
  });

  it('because its name is not known is told so', async () => {
    const lookup: HttpUpstreamOptions['lookup'] = (hostname, _options, callback) =>
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), []);
    const { error } = await ask('http://nowhere.test/v1', { lookup });
    expect(error?.message).toBe('The name of the provider could not be found.');
    expect((error!.cause as Error).message).toContain('nowhere.test');
  });

  it.each([
    ['EAI_AGAIN', /looked up/],
    ['ENETUNREACH', /network/],
    ['EHOSTUNREACH', /network/],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', /TLS/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /client certificate/],
    ['SOMETHING_ELSE', /^No connection to the provider could be made\.$/],
  ])('%s has its words', (code, words) => {
    const cause = Object.assign(new Error('connect 10.0.0.1:443'), { code });
    const error = brokenConnection('connecting', cause);
    expect([error.code, error.cause]).toEqual(['upstream_unreachable', cause]);
    expect(error.message).toMatch(words);
    expect(error.message).not.toContain('10.0.0.1');
  });
});
