import { Cluster } from '../cluster/cluster.ts';
import { BeginAnew } from '../cluster/begin-anew.ts';
import { LeaseKeeper } from '../cluster/lease-keeper.ts';
import { LossWatch } from '../cluster/loss-watch.ts';
import { Undertaker } from '../cluster/undertaker.ts';
import type { Accounting } from '../limits/accounting.ts';
import type { Clock } from '../lib/clock.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { OrphanedSession, SessionKey, SharedStore } from '../store/contract.ts';
import type { Logger } from '../telemetry/contract.ts';
import type { ModelTokens } from '../turn/contract.ts';
import { recoverTurns } from '../turn/recover-turns.ts';
import type { TurnEngine } from '../turn/turn-engine.ts';

export interface JoinOptions {
  store: SharedStore;
  registry: SessionRegistry;
  engine: TurnEngine;
  clock: Clock;
  logger: Logger;
  leaseMs: number;
  tokensFor(model: string): ModelTokens;
  accounting: Accounting;
  adopt(orphan: OrphanedSession): Promise<boolean>;
  onLost(): void;
  /** Closes every socket: the store lost data, and clients must attach again. */
  closeSockets(): void;
}

export interface Membership {
  watch: LossWatch;
  cluster: Cluster;
  lease: LeaseKeeper;
  /** This node takes nothing more over: it goes away itself. Resolves when what it began to take over is its own, or ended. */
  retire(): Promise<void>;
  /** Ends turns of a session that the store takes for running here, though they do not. */
  reclaim(key: SessionKey): void;
  /** Whether another node lives that does not go away as well. */
  hasOthers(): Promise<boolean>;
  leave(): Promise<void>;
}

/** Makes this process one of the nodes on a shared store. */
export async function joinCluster(options: JoinOptions): Promise<Membership> {
  const { store, clock, logger, leaseMs, tokensFor, accounting, adopt, onLost } = options;
  const onTrouble = (error: unknown): void => logger.warn({ error }, 'the shared store did not answer; trying again');
  const endOrphans = (orphans: readonly OrphanedSession[]): Promise<number> =>
    recoverTurns({ store, tokensFor, accounting }, orphans);
  const onForsakenEnded = (orphans: readonly OrphanedSession[], turns: number): void => {
    logger.warn({ turns }, 'turns that were lost in part were ended as interrupted');
    for (const { session } of orphans) cluster.storeChanged(session);
  };
  const anew = new BeginAnew({
    ...options,
    endOrphans,
    onEnded: onForsakenEnded,
  });
  const watch = new LossWatch({
    store,
    clock,
    async onGeneration(generation) {
      logger.error({ generation }, 'Redis lost data that it had acknowledged: clients are told, and attach again');
      cluster.forgetFollowers();
      await anew.run();
    },
    onLeaseLost: () => lease.lost(),
    onTrouble,
  });
  const cluster = new Cluster({ ...options, watch });
  const onRenewed = (): void => void watch.glance().catch(onTrouble);
  const lease = new LeaseKeeper({ store, clock, ttlMs: leaseMs, onRenewed, onLost, onTrouble });
  const undertaker = new Undertaker({
    store,
    clock,
    everyMs: leaseMs / 3,
    isCertain: () => lease.steady,
    endOrphans: (orphans) => recoverTurns({ store, tokensFor, accounting, adopt }, orphans),
    onEnded(dead, orphans, ended) {
      const turns = orphans.reduce((sum, { unfinished }) => sum + unfinished.length, 0);
      logger.warn(
        { dead, turns, ended },
        'a node is gone; its turns were taken over, and ended where they cannot go on',
      );
      for (const { session } of orphans) cluster.storeChanged(session);
      cluster.nodeBuried().catch(onTrouble);
    },
    onTrouble,
  });
  store.logFrom((key) => options.registry.known(key)?.unfinishedEvents() ?? []);
  await lease.start();
  await watch.start();
  store.onReturn(() => lease.returned());
  await cluster.start(() => undertaker.hurry());
  undertaker.start();
  let retired: Promise<void> | undefined;
  return {
    cluster,
    lease,
    reclaim(key) {
      const isOther = ({ tenant, session }: SessionKey): boolean => tenant !== key.tenant || session !== key.session;
      const reclaimed = async (): Promise<void> => {
        await watch.settled();
        const orphans = await store.reclaim(isOther);
        if (orphans.length > 0) onForsakenEnded(orphans, await endOrphans(orphans));
      };
      reclaimed().catch(onTrouble);
    },
    async retire() {
      retired = store.retire().catch(onTrouble);
      await Promise.all([undertaker.stop(), retired]);
    },
    async hasOthers() {
      await retired;
      return (await store.successors().catch(() => [])).length > 0;
    },
    watch,
    async leave() {
      void undertaker.stop();
      lease.stop();
      cluster.stop();
      watch.stop();
      await store.leaveNodes().then(() => cluster.tellLeft(), onTrouble);
    },
  };
}
