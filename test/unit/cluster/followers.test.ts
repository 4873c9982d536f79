import { expect, test } from 'vitest';
import { Followers } from '../../../src/cluster/followers.ts';
import type { Session } from '../../../src/session/session.ts';
import type { Presence, SharedStore } from '../../../src/store/contract.ts';

test('what could not be told of a session that is read anew meanwhile does not undo what is told of it now', async () => {
  const key = { tenant: 'acme', session: 's' };
  const newSession = (): Session & { localPresence: Presence } =>
    ({ key, erased: false, localPresence: { writers: 0, viewers: 0 }, setPresenceElsewhere() {} }) as never;
  let stored: Presence | undefined;
  let isAway = false;
  const store: Partial<SharedStore> = {
    async setFollowing(_key, presence) {
      if (isAway) throw new Error('away');
      stored = presence;
    },
    followers: async () => new Map(),
  };
  const later: (() => void)[] = [];
  const [first, second] = [newSession(), newSession()];
  let current: Session = first;
  const followers = new Followers({
    store: store as SharedStore,
    began() {},
    ended() {},
    changed() {},
    trouble() {},
    later: (action) => later.push(action),
    current: () => current,
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const follow = async (session: Session, writers: number): Promise<void> => {
    Object.assign(session, { localPresence: { writers, viewers: 0 } });
    followers.update(session);
    await settled();
  };
  await follow(first, 1);
  isAway = true;
  await follow(first, 0);
  isAway = false;
  current = second;
  await follow(second, 1);
  expect(stored).toEqual({ writers: 1, viewers: 0 });
  for (const action of later) action();
  await settled();
  expect(stored).toEqual({ writers: 1, viewers: 0 });
});
