import { describe, expect, test } from 'vitest';
import { believingBearers } from '../../support/bearer-identities.ts';
import { bearer, call } from '../../support/http-call.ts';
import { RawClient } from '../../support/raw-client.ts';
import { answerWith, createScriptedUpstream } from '../../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../../support/test-gateway.ts';
import type { Gateway, GatewayOptions } from '../../../src/gateway/create-gateway.ts';

const everything = ['chat', 'history', 'export', 'erase'];
const ann = bearer('acme', 'ann', ...everything);
const stranger = bearer('other', 'eve', ...everything, 'admin');

async function start(transport: 'uws' | 'ws', options: GatewayOptions = {}) {
  const upstream = createScriptedUpstream(answerWith(['all ', 'good']));
  const gateway = await startTestGateway({
    transport,
    upstreamObjects: [upstream],
    authenticate: believingBearers({ guest: { sessions: ['guest-*'] } }),
    ...options,
  });
  return { gateway, upstream };
}

async function talk(gateway: Gateway, session: string, turns: number, headers = ann): Promise<RawClient> {
  const client = await RawClient.connect(gateway.url, { headers });
  await client.attach({ ref: 1, s: 0, session, create: { settings: { system: 'Be brief.' } } });
  for (let i = 0; i < turns; i++) {
    const id = newTurnId();
    client.send({ t: 'turn', s: 0, id, input: `input ${i}` });
    await client.next('turn.ended', (end) => end.turn === id);
  }
  return client;
}

describe.each(['uws', 'ws'] as const)('sessions over HTTP, transport %s', (transport) => {
  test('are listed a page at a time, each once', async () => {
    const { gateway } = await start(transport);
    for (const name of ['one', 'two', 'three', 'four', 'five']) await talk(gateway, name, 1);
    await talk(gateway, 'foreign', 1, stranger);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { status, body } = await call(
        gateway.url,
        `/v1/sessions?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`,
        { headers: ann },
      );
      expect(status).toBe(200);
      seen.push(...body.data.map((entry: { session: string }) => entry.session));
      cursor = body.next;
    } while (cursor !== undefined);
    expect(seen.sort()).toEqual(['five', 'four', 'one', 'three', 'two']);
  });

  test('a session that is used while pages are read hides no other one', async () => {
    const { gateway } = await start(transport);
    for (const name of ['one', 'two', 'three', 'four']) await talk(gateway, name, 1);
    const first = await call(gateway.url, '/v1/sessions?limit=2', { headers: ann });
    const [passed] = first.body.data;
    const client = await RawClient.connect(gateway.url, { headers: ann });
    await client.attach({ ref: 1, s: 0, session: passed.session });
    const id = newTurnId();
    client.send({ t: 'turn', s: 0, id, input: 'again' });
    await client.next('turn.ended', (end) => end.turn === id);
    const second = await call(gateway.url, `/v1/sessions?limit=9&cursor=${first.body.next}`, { headers: ann });
    const seen = [...first.body.data, ...second.body.data].map((entry: { session: string }) => entry.session);
    expect(new Set(seen)).toEqual(new Set(['one', 'two', 'three', 'four']));
  });

  test('one is shown with what runs', async () => {
    const upstream = createScriptedUpstream();
    const { gateway } = await start(transport, { upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { headers: ann });
    const { epoch } = await client.attach({
      ref: 1,
      s: 0,
      session: 'live',
      create: { settings: { system: 'Be brief.' } },
    });
    const id = newTurnId();
    client.send({ t: 'turn', s: 0, id, input: 'a' });
    await upstream.nextCall();
    const { body } = await call(gateway.url, '/v1/sessions/live', { headers: ann });
    expect(body.data).toMatchObject({
      session: 'live',
      epoch,
      running: id,
      turns: 0,
      settings: { system: 'Be brief.' },
    });
  });

  test('finished turns come in pages as over the socket', async () => {
    const { gateway } = await start(transport);
    const client = await talk(gateway, 'talk', 5);
    client.send({ t: 'history', ref: 9, s: 0, limit: 5 });
    const { turns } = await client.next('history');
    const first = await call(gateway.url, '/v1/sessions/talk/turns?limit=3', { headers: ann });
    const second = await call(gateway.url, `/v1/sessions/talk/turns?limit=3&cursor=${first.body.next}`, {
      headers: ann,
    });
    expect([...first.body.data, ...second.body.data]).toEqual(turns);
    expect(second.body.next).toBeUndefined();
  });

  test('an export has every event that a socket saw, in order', async () => {
    const { gateway } = await start(transport);
    const client = await talk(gateway, 'whole', 40);
    const viewer = await RawClient.connect(gateway.url, { headers: ann });
    await viewer.attach({ ref: 1, s: 0, session: 'whole', as: 'viewer' });
    const replayed = viewer.frames.filter((frame) => 'pos' in frame && frame.t !== 'live');
    const { status, headers, body } = await call(gateway.url, '/v1/sessions/whole/export', { headers: ann });
    expect(status).toBe(200);
    expect(headers.get('content-disposition')).toBe('attachment; filename="whole.json"');
    const events = body.data.turns.flatMap((turn: { events: object[] }) => turn.events);
    expect(events).toEqual(
      replayed.map((frame) => Object.fromEntries(Object.entries(frame).filter(([name]) => name !== 's'))),
    );
    expect(JSON.stringify(body)).not.toContain('"sent"');
    await client.close();
  });

  test('erasing tells the sockets, stops the turn and leaves nothing', async () => {
    const upstream = createScriptedUpstream();
    const { gateway } = await start(transport, { upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { headers: ann });
    await client.attach({ ref: 1, s: 7, session: 'gone', create: {} });
    client.send({ t: 'turn', s: 7, id: newTurnId(), input: 'a' });
    const running = await upstream.nextCall();
    const { status, body } = await call(gateway.url, '/v1/sessions/gone', { method: 'DELETE', headers: ann });
    expect([status, body.data]).toEqual([200, { session: 'gone', erased: true }]);
    expect(await client.next('deleted')).toEqual({ t: 'deleted', s: 7 });
    await running.aborted;
    expect((await call(gateway.url, '/v1/sessions/gone', { headers: ann })).status).toBe(404);
    expect((await call(gateway.url, '/v1/sessions/gone', { method: 'DELETE', headers: ann })).status).toBe(404);
    client.send({ t: 'attach', ref: 2, s: 8, session: 'gone' });
    expect(await client.next('error')).toMatchObject({ code: 'session_not_found' });
  });

  test('those of another tenant, those that may not be seen and those that do not exist look alike', async () => {
    const { gateway } = await start(transport);
    await talk(gateway, 'secret', 1);
    await talk(gateway, 'guest-1', 1);
    const guest = bearer('acme', 'guest', ...everything);
    const shapes = new Set<string>();
    for (const [headers, id] of [
      [stranger, 'secret'],
      [guest, 'secret'],
      [ann, 'nothing'],
      [ann, 'not%20a%20name'],
      [ann, '..%2f..%2fetc'],
    ] as const) {
      for (const [method, rest] of [
        ['GET', ''],
        ['GET', '/turns'],
        ['GET', '/export'],
        ['DELETE', ''],
      ] as const) {
        const { status, body } = await call(gateway.url, `/v1/sessions/${id}${rest}`, { method, headers });
        shapes.add(JSON.stringify([status, { ...body, requestId: '' }]));
      }
    }
    expect([...shapes]).toHaveLength(1);
    expect([...shapes][0]).toContain('session_not_found');
    const listed = await call(gateway.url, '/v1/sessions', { headers: guest });
    expect(listed.body.data.map((entry: { session: string }) => entry.session)).toEqual(['guest-1']);
    expect((await call(gateway.url, '/v1/sessions', { headers: stranger })).body.data).toEqual([]);
    expect((await call(gateway.url, '/v1/sessions/secret', { headers: ann })).status).toBe(200);
  });

  test.each([
    ['GET', '/v1/sessions', 'history'],
    ['GET', '/v1/sessions/x', 'history'],
    ['GET', '/v1/sessions/x/turns', 'history'],
    ['GET', '/v1/sessions/x/export', 'export'],
    ['DELETE', '/v1/sessions/x', 'erase'],
    ['GET', '/v1/models', 'chat'],
  ])('%s %s is refused without the permission %s, whatever there is', async (method, path, permission) => {
    const { gateway } = await start(transport);
    const others = everything.filter((name) => name !== permission);
    const refused = await call(gateway.url, path, { method, headers: bearer('acme', 'bob', ...others) });
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    const allowed = await call(gateway.url, path, { method, headers: bearer('acme', 'bob', permission) });
    expect([200, 404]).toContain(allowed.status);
    const nobody = await call(gateway.url, path, { method });
    expect([nobody.status, nobody.body.code]).toEqual([401, 'unauthorized']);
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer realm="parley"');
  });
});
