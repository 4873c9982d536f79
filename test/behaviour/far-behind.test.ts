import { onTestFinished, test } from 'vitest';
import type { SharedStore } from '../../src/store/contract.ts';
import { openRedisStore } from '../support/open-redis-store.ts';
import { RawClient } from '../support/raw-client.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

test('a node that heard nothing for so long that what it missed is removed follows the running turn', async () => {
  const redis = await startRedisServer();
  onTestFinished(() => redis.stop());
  const inner = await openRedisStore({ url: redis.url, prefix: 'p', node: 'deaf' });
  let isDeaf = false;
  let hearAgain = (): void => {};
  const store: SharedStore = {
    ...inner,
    listen(onMessage, onReconnect) {
      hearAgain = () => {
        isDeaf = false;
        onReconnect();
      };
      return inner.listen((message) => {
        if (!isDeaf) onMessage(message);
      }, onReconnect);
    },
  };
  const upstream = createScriptedUpstream();
  const retention = { maxTurns: 1 };
  const options = { store: redis.url, redisPrefix: 'p', upstreamObjects: [upstream], retention };
  const [a, b] = [await startTestGateway(options), await startTestGateway({ ...options, store })];
  const [onA, onB] = [await RawClient.connect(a.url), await RawClient.connect(b.url)];
  await onA.attach({ ref: 1, s: 0, session: 'one', create: {} });
  const talk = async (): Promise<void> => {
    const id = newTurnId();
    onA.send({ t: 'turn', s: 0, id, input: 'x' });
    const { sink } = await upstream.nextCall();
    sink.onText('all good');
    sink.onEnd('stop', 'stop');
    await onA.next('turn.ended');
  };
  await talk();
  await onB.attach({ ref: 1, s: 0, session: 'one' });
  isDeaf = true;
  for (let i = 0; i < 4; i++) await talk();
  onA.send({ t: 'turn', s: 0, id: newTurnId(), input: 'x' });
  const { sink } = await upstream.nextCall();
  sink.onText('hello');
  await onA.next('delta', ({ text }) => text === 'hello');
  hearAgain();
  const fresh = await RawClient.connect(b.url);
  fresh.send({ t: 'attach', ref: 2, s: 0, session: 'one' });
  await fresh.next('delta', ({ text }) => text === 'hello');
  sink.onEnd('stop', 'stop');
  await fresh.next('turn.ended', ({ pos }) => pos > 60);
});
