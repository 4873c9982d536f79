import { expect, test } from 'vitest';
import type { UpFrame } from '../../protocol/up.ts';
import type { Permission } from '../../src/auth/contract.ts';
import type { GatewayOptions } from '../../src/gateway/create-gateway.ts';
import { createAuditTrail } from '../support/audit-trail.ts';
import type { RawClient } from '../support/raw-client.ts';
import { connectWith } from '../support/say-hello.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

type KeyGrants = NonNullable<NonNullable<GatewayOptions['auth']>['keys']>[number];

const text = 'a key of enough characters';

async function start(grants: Partial<KeyGrants>, more: GatewayOptions = {}) {
  const trail = createAuditTrail();
  const gateway = await startTestGateway({
    upstreamObjects: [createScriptedUpstream(answerWith(['Hi.']))],
    auth: {
      keys: [
        { name: 'one', key: text, ...grants },
        { name: 'admin', key: `${text} of all`, roles: ['admin'] },
      ],
    },
    audit: trail.audit,
    ...more,
  });
  const admin = await connectWith(gateway.url, { key: `${text} of all` });
  await admin.attach({ ref: 1, s: 1, session: 'shared', create: {} });
  return { gateway, trail, admin, client: await connectWith(gateway.url, { key: text }) };
}

const turn = (more: Partial<Extract<UpFrame, { t: 'turn' }>> = {}): UpFrame => ({
  t: 'turn',
  ref: 9,
  s: 1,
  id: newTurnId(),
  input: 'hello',
  ...more,
});

/** The code of the error, or the type of the frame that answers. */
async function answerTo(client: RawClient, frame: UpFrame): Promise<string> {
  client.restart();
  client.send(frame);
  const ref = 'ref' in frame ? frame.ref : undefined;
  await expect
    .poll(() => client.frames.some((found) => ('ref' in found && found.ref === ref) || found.t === 'turn.ended'))
    .toBe(true);
  const answer = client.frames.find((found) => ('ref' in found && found.ref === ref) || found.t === 'turn.ended')!;
  return answer.t === 'error' ? answer.code : answer.t === 'turn.ended' ? answer.status : answer.t;
}

const table: [roles: string[], allowed: Permission[]][] = [
  [['viewer'], ['history']],
  [['user'], ['chat', 'history']],
  [['owner'], ['chat', 'history', 'erase']],
  [['chat'], ['chat']],
  [
    ['history', 'erase'],
    ['history', 'erase'],
  ],
  [['no-such-role'], []],
];

test.each(table)(
  'roles %j may %j',
  async (roles, allowed) => {
    const { client, trail } = await start({ roles });
    const may = (permission: Permission): boolean => allowed.includes(permission);
    const attached = await answerTo(client, { t: 'attach', ref: 1, s: 1, session: 'shared' });
    expect(attached).toBe(may('chat') || may('history') ? 'attached' : 'forbidden');
    const outcomes = {
      turn: await answerTo(client, turn()),
      cancel: await answerTo(client, { t: 'cancel', ref: 2, s: 1, turn: newTurnId() }),
      update: await answerTo(client, { t: 'update', ref: 3, s: 1, settings: { system: 'x' } }),
      history: await answerTo(client, { t: 'history', ref: 4, s: 1 }),
      made: await answerTo(client, { t: 'attach', ref: 5, s: 2, create: {} }),
      delete: await answerTo(client, { t: 'delete', ref: 6, s: 1 }),
    };
    expect(outcomes).toEqual({
      turn: may('chat') ? 'completed' : 'forbidden',
      cancel: may('chat') ? 'cancelling' : 'forbidden',
      update: may('chat') ? 'updated' : 'forbidden',
      history: may('history') ? 'history' : 'forbidden',
      made: may('chat') ? 'attached' : 'forbidden',
      delete: may('erase') ? 'deleted' : 'forbidden',
    });
    const refused = Object.values({ attached, ...outcomes }).filter((outcome) => outcome === 'forbidden').length;
    const noted = trail.entries.filter(({ act }) => act === 'forbidden');
    expect(noted).toHaveLength(refused);
    for (const entry of noted)
      expect(entry).toMatchObject({ tenant: 'default', subject: 'key:one', key: 'config:one' });
  },
  30_000,
);

test.each([
  { roles: ['support'], roleTable: { support: ['history'] as Permission[] }, outcome: 'forbidden' },
  { roles: ['support'], roleTable: { support: ['chat'] as Permission[] }, outcome: 'completed' },
])('a role of the configuration: $outcome', async ({ roles, roleTable, outcome }) => {
  const { client } = await start(
    {},
    {
      auth: {
        roles: roleTable,
        keys: [
          { name: 'one', key: text, roles },
          { name: 'a', key: `${text} of all`, roles: ['admin'] },
        ],
      },
    },
  );
  await client.attach({ ref: 1, s: 1, session: 'shared' });
  expect(await answerTo(client, turn())).toBe(outcome);
});

test('models, routes and tools are those of the credential, for turns and for settings', async () => {
  const upstreams = [
    { name: 'one', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 },
    { name: 'two', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 },
  ] as const;
  const { client, admin } = await start({ models: ['small'], routes: ['plain'], tools: ['look_*'] }, {
    upstreamObjects: [],
    upstreams: [...upstreams],
    models: { small: ['one/practice'], large: ['two/practice'] },
    routes: [
      { name: 'plain', match: { model: 'small' }, model: 'small' },
      { name: 'fallen', match: { model: 'large' }, model: 'large' },
      { name: 'rest' },
    ],
  } as GatewayOptions);
  await client.attach({ ref: 1, s: 1, session: 'shared' });
  expect(await answerTo(client, turn({ model: 'small' }))).toBe('completed');
  expect(await answerTo(client, turn({ model: 'large' }))).toBe('forbidden');
  expect(await answerTo(client, turn({ route: 'fallen', model: 'small' }))).not.toBe('completed');
  expect(await answerTo(client, turn())).toBe('forbidden');
  expect(await answerTo(client, turn({ model: 'small', tools: [{ name: 'look_up' }] }))).toBe('completed');
  expect(await answerTo(client, turn({ model: 'small', tools: [{ name: 'delete_all' }] }))).toBe('forbidden');
  const settings: [object, string][] = [
    [{ model: 'large' }, 'forbidden'],
    [{ tools: [{ name: 'delete_all' }] }, 'forbidden'],
    [{ model: 'small', tools: [{ name: 'look_up' }] }, 'updated'],
  ];
  for (const [wanted, outcome] of settings) {
    expect(await answerTo(client, { t: 'update', ref: 3, s: 1, settings: wanted })).toBe(outcome);
    const made = await answerTo(client, { t: 'attach', ref: 4, s: 2, create: { settings: wanted } });
    expect(made).toBe(outcome === 'updated' ? 'attached' : 'forbidden');
    client.send({ t: 'detach', s: 2 });
  }
  // settings that another one made bind as well
  expect(await answerTo(admin, { t: 'update', ref: 5, s: 1, settings: { model: 'large' } })).toBe('updated');
  expect(await answerTo(client, turn())).toBe('forbidden');
  expect(await answerTo(admin, turn())).toBe('completed');
});
