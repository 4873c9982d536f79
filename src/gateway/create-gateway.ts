import { randomBytes } from 'node:crypto';
import type { Authenticate, KeyService, TicketService } from '../auth/contract.ts';
import { parseConfig } from '../config/load-config.ts';
import type { Config, ConfigInput } from '../config/schema.ts';
import { Connection } from '../connection/connection.ts';
import type { ConnectionEnvironment } from '../connection/contract.ts';
import { sendTogether } from '../connection/send-together.ts';
import type { QueryUsage } from '../ledger/contract.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { createUlidMaker, cryptoRandomBytes, type RandomBytes } from '../lib/ulid.ts';
import type { Load } from '../routing/degradation.ts';
import { Dispatcher } from '../routing/dispatcher.ts';
import { loadLanguageDetector } from '../routing/load-language-detector.ts';
import type { TargetReport } from '../routing/target-state.ts';
import { GroupCommit } from '../session/group-commit.ts';
import { Retention } from '../session/retention.ts';
import { SessionRegistry } from '../session/session-registry.ts';
import type { OrphanedSession, SharedStore, Store } from '../store/contract.ts';
import { LeaseLostError, StoreLossError } from '../store/store-error.ts';
import type { AuditLog, Logger } from '../telemetry/contract.ts';
import { createLogger } from '../telemetry/logger.ts';
import { startTransport } from '../transport/start-transport.ts';
import { recoverTurns } from '../turn/recover-turns.ts';
import { TurnEngine } from '../turn/turn-engine.ts';
import type { TurnService } from '../turn/turn-service.ts';
import type { Upstream } from '../upstream/contract.ts';
import { createReadPace } from '../upstream/read-pace.ts';
import { createTelemetry } from './create-telemetry.ts';
import { watchEventLoop, watchUtilization } from './event-loop-delay.ts';
import { HealthChecks } from './health-checks.ts';
import { checkSummaryRoute, LiveRoutes, needsLanguage, reloadedKeys } from './live-routes.ts';
import { createModelFacts } from './model-facts.ts';
import { tokensForModel } from './model-tokens.ts';
import { openAccounts } from './open-accounts.ts';
import { createUsageQuery } from '../ledger/usage-query.ts';
import { openDoor } from './open-door.ts';
import { withQuotas } from './with-quotas.ts';
import { openStore } from './open-store.ts';
import { createOriginPolicy, isLoopback } from './origin-policy.ts';
import { createRouteCheck } from './route-check.ts';
import { shutDownNode } from './shut-down-node.ts';
import { startAuth } from './start-auth.ts';
import { retentionRules } from './retention-rules.ts';
import { joinCluster, type Membership } from './join-cluster.ts';

/** Settings as in the configuration file, and parts that a program may bring itself. */
export interface GatewayOptions extends Omit<ConfigInput, 'store' | 'audit'> {
  /** Default: built from `upstreams`; these come before it. */
  upstreamObjects?: readonly Upstream[] | undefined;
  /** `embedded` (default, in `data`), a Redis address, or a store, which is closed together with the gateway. */
  store?: string | Store | undefined;
  logger?: Logger | undefined;
  authenticate?: Authenticate | undefined;
  /** Answers `GET /v1/usage`. */
  queryUsage?: QueryUsage | undefined;
  /** Where acts that matter to security are noted: the setting, or whoever is to be told of them, one by one. */
  audit?: ConfigInput['audit'] | AuditLog;
  clock?: Clock | undefined;
  /** The node lost its lease in a shared store and has closed its sockets; it cannot go on. */
  onLeaseLost?: (() => void) | undefined;
  randomBytes?: RandomBytes | undefined;
}

export interface Gateway {
  /** Address of the chat page, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  readonly transport: 'uws' | 'ws';
  readonly node: string;
  /** API keys; the program itself is `operator`. */
  readonly keys: KeyService;
  /** Tickets for those whom the program knows. */
  readonly tickets: TicketService;
  /** Turns that an earlier process left and that were ended at the start. */
  readonly recoveredTurns: number;
  /** What is going on now. */
  stats(): { connections: number; sessions: number; turns: number; waitingTurns: number };
  /** How the upstreams are doing, as this node has seen it. */
  upstreams(): TargetReport[];
  /**
   * Takes routes, models and upstreams of other settings; turns that run keep theirs. Answers the names of other settings
   * that differ and need a restart. Throws `ConfigError`, and then nothing has changed.
   */
  reload(settings: GatewayOptions): Promise<string[]>;
  /** Tells clients to go elsewhere, lets running turns finish for up to `graceMs` (default: `drainMs`), then closes. */
  drain(graceMs?: number): Promise<void>;
  /** Closes at once; turns that run end as `interrupted`. */
  close(): Promise<void>;
}

/**
 * Starts a gateway. Throws `ConfigError` for settings that cannot be used, `StoreStartError` when the data directory is
 * in use, and an `Error` with one sentence when the port is taken.
 */
export async function createGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const { upstreamObjects, store: givenStore, logger: givenLogger, authenticate, clock = systemClock } = options;
  const { randomBytes: random } = options;
  const config = configOf(options);
  const logger = givenLogger ?? createLogger(config.log);
  const newId = createUlidMaker(() => clock.wall(), random ?? cryptoRandomBytes);
  const node = newId();
  const store = typeof givenStore === 'object' ? givenStore : await openStore(config, node, logger);
  try {
    return await assemble({
      config,
      logger,
      newId,
      node,
      store,
      clock,
      upstreams: [...(upstreamObjects ?? [])],
      authenticate,
      options,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The settings among the options, checked. Throws `ConfigError`. */
function configOf(options: GatewayOptions): Config {
  const {
    upstreamObjects: _upstreams,
    store,
    logger: _logger,
    authenticate: _authenticate,
    queryUsage: _queryUsage,
    audit,
    clock: _clock,
    randomBytes: _randomBytes,
    onLeaseLost: _onLeaseLost,
    ...settings
  } = options;
  return parseConfig({
    ...settings,
    store: typeof store === 'string' ? store : undefined,
    audit: isAuditLog(audit) ? undefined : audit,
  });
}

function isAuditLog(audit: GatewayOptions['audit']): audit is AuditLog {
  return audit !== undefined && 'note' in audit;
}

interface Parts {
  config: Config;
  logger: Logger;
  newId: () => string;
  node: string;
  store: Store;
  clock: Clock;
  upstreams: Upstream[];
  authenticate: Authenticate | undefined;
  options: GatewayOptions;
}

async function assemble(parts: Parts): Promise<Gateway> {
  const { config, logger, newId, node, store, clock, upstreams: given, authenticate, options } = parts;
  const { limits } = config;
  let load: () => Load = () => ({ turns: 0, queued: 0, eventLoopDelayMs: 0 });
  const routes = new LiveRoutes({
    config,
    given,
    detectLanguage: needsLanguage(config) ? await loadLanguageDetector() : undefined,
    wall: () => clock.wall(),
    load: () => load(),
    pace: createReadPace({ waitMs: limits.coalesceMs, busyShare: watchUtilization(), clock }),
  });
  const { router } = routes;
  const dispatcher = new Dispatcher({
    clock,
    random: Math.random,
    limitsOf: (name) => routes.limitsOf(name),
    mostWaiting: config.queue.maxWaiting,
    maxWaitMs: config.queue.maxWaitMs,
  });
  const healthChecks = new HealthChecks({
    clock,
    random: Math.random,
    logger,
    states: dispatcher.balancer.states,
    everyMsOf: (name) => routes.healthOf(name)?.everyMs,
  });
  checkSummaryRoute(config, router);
  // loading a tokenizer takes a third of a second: now, not in somebody's first turn
  for (const model of new Set(router.upstreams.map((upstream) => upstream.defaultModel)))
    tokensForModel(model).count('ready');

  let membership: Membership | undefined;
  let draining = false;
  let stopListening = (): void => {};
  const storeTrouble = (error: unknown): void => {
    if (error instanceof LeaseLostError) membership?.lease.lost();
    else if (error instanceof StoreLossError) membership?.watch.look();
    else logger.error({ error }, 'the node log could not be written; trying again');
  };
  const commit = new GroupCommit(store, storeTrouble, sendTogether);
  const telemetry = createTelemetry({
    config,
    clock,
    logger,
    newId,
    audit: isAuditLog(options.audit) ? options.audit : undefined,
    gauges: {
      sockets: () => connections.size,
      sessions: () => registry.size,
      liveTurns: () => engine.liveTurns,
      waitingTurns: () => dispatcher.waiting,
    },
  });
  const facts = createModelFacts(config);
  const accounting = openAccounts({
    config,
    store: store.accounts,
    node,
    clock,
    logger,
    metrics: telemetry.metrics,
    alerts: telemetry.alerts,
    facts,
    upstreams: () => router.upstreams,
  });
  const { isActive: isRetentionActive, rulesFor } = retentionRules(config.retention);
  const registry: SessionRegistry = new SessionRegistry({
    store,
    commit,
    removesTurns: isRetentionActive,
    onReleased: (session) => retention.released(session.key),
    newSessionId: newId,
    newEpoch: () => randomBytes(9).toString('base64url'),
    wall: () => clock.wall(),
    generation: () => membership?.watch.generation ?? '',
    onReplayError: (session, error) => logger.error({ session: session.key.session, error }, 'a replay failed'),
    onFollowersChanged: (session) => membership?.cluster.followersChanged(session),
  });
  const retention = new Retention({
    store,
    registry,
    clock,
    logger,
    rulesFor,
    isActive: isRetentionActive,
    everyMs: config.retention.tidyMs,
  });
  const engine = new TurnEngine({
    store,
    clock,
    logger,
    router,
    dispatcher,
    ...facts,
    accounting,
    node,
    limits,
    summary: config.summary,
    tokensFor: tokensForModel,
    turnStored: (session) => retention.turnEnded(session),
    summaryMade: (session) => membership?.cluster.settingsChanged(session),
    storeForgot: (isCertain) => (isCertain ? membership?.watch.lost() : membership?.watch.look()),
    turnsForsaken: (session) => membership?.reclaim(session.key),
    turnRuns: (session) => membership?.cluster.turnRuns(session),
    sessionSettled(session) {
      membership?.cluster.turnsEnded(session);
      registry.release(session);
    },
  });

  const eventLoop = watchEventLoop();
  load = () => ({
    turns: engine.liveTurns,
    queued: dispatcher.waiting,
    get eventLoopDelayMs() {
      return eventLoop.delayMs();
    },
  });
  const adopt = async (orphan: OrphanedSession): Promise<boolean> => {
    if (!engine.goesOnWith(orphan)) return false;
    const session = await registry.find(orphan.session);
    if (session !== undefined) await engine.adopt(session, orphan);
    return true;
  };
  const orphans = await store.orphans();
  const recoveredTurns = await recoverTurns({ store, tokensFor: tokensForModel, accounting, adopt }, orphans);
  if (recoveredTurns > 0)
    logger.warn({ turns: recoveredTurns }, 'turns that the last process left unfinished were ended as interrupted');
  if (engine.liveTurns > 0) logger.info({ turns: engine.liveTurns }, 'turns that the last process left go on');

  const connections = new Set<Connection>();
  const stats = (): ReturnType<Gateway['stats']> => ({
    connections: connections.size,
    sessions: registry.size,
    turns: engine.liveTurns,
    waitingTurns: dispatcher.waiting,
  });
  if (isShared(store)) {
    membership = await joinCluster({
      store,
      registry,
      engine,
      clock,
      logger,
      leaseMs: config.leaseMs,
      tokensFor: tokensForModel,
      accounting,
      adopt,
      closeSockets() {
        for (const connection of connections) connection.close('lease_lost', 'history was lost; attach again');
      },
      onLost() {
        logger.error({ node }, 'this node lost its lease: it falls silent, and what it ran is ended by another');
        commit.close();
        // providers need not go on for what nobody will see
        for (const session of registry.all) engine.abandon(session, 'lease_lost');
        draining = true;
        stopListening();
        for (const connection of connections)
          connection.close('lease_lost', 'this node may not speak for its sessions any more');
        options.onLeaseLost?.();
      },
    });
  }
  const { audit } = telemetry;
  const { keys, tickets, ...auth } = await startAuth({
    settings: config.auth,
    records: store.records,
    clock,
    logger,
    audit,
    isLoopback: isLoopback(config.host),
    custom: authenticate,
  });
  const authenticator = withQuotas(auth.authenticator, accounting);
  authenticator.onRevoked(() => {
    for (const connection of connections) connection.recheck();
  });
  const environment: ConnectionEnvironment = {
    registry,
    turns: membership?.cluster ?? localTurns(engine),
    store,
    clock,
    logger,
    node,
    limits,
    caps: ['reasoning', 'tools', 'history', 'presence'],
    authenticator,
    socketPlace: (tenant, connection, spender) => accounting.socket(tenant, connection, spender),
    audit,
    authRefused: () => telemetry.metrics.authRefused('socket'),
    checkRoute: createRouteCheck(router),
    defaultUpstream() {
      const { upstream, model } = router.route({ route: undefined, model: undefined });
      return { name: upstream.name, wire: upstream.wire, model };
    },
    newConnectionId: newId,
    onClosed: (connection) => connections.delete(connection as Connection),
  };
  const isOriginAllowed = createOriginPolicy(config.host, config.origins);
  const door = openDoor({
    config,
    clock,
    logger,
    newId,
    store,
    registry,
    turns: environment.turns,
    router,
    modelGroups: () => routes.groups(),
    telemetry,
    authenticator,
    keys,
    tickets,
    queryUsage: options.queryUsage ?? createUsageQuery(store.accounts),
    isOriginAllowed,
    isReady: () => !draining,
  });
  const transport = await startTransport(
    config.transport,
    {
      host: config.host,
      port: config.port,
      sharePort: config.sharePort,
      tls: config.tls,
      limits,
      isOriginAllowed,
      onSocket(socket) {
        const connection = new Connection(socket, environment);
        connections.add(connection);
        return connection;
      },
      onRequest: door.onRequest,
      onRefused(reason) {
        telemetry.metrics.socketRefused(reason);
        logger.warn({ reason }, 'a socket was refused');
      },
    },
    (reason) => logger.warn({ reason }, 'uWebSockets.js cannot be loaded here; serving through ws'),
  );
  stopListening = () => transport.stopListening();

  retention.start();
  accounting.start();
  tendUpstreams();

  function tendUpstreams(): void {
    healthChecks.watch(router.upstreams);
    for (const { name, warm } of router.upstreams)
      warm?.((error) => logger.debug({ upstream: name, error }, 'no connection could be made ahead of need'));
  }

  function shutDown(graceMs: number): Promise<void> {
    draining = true;
    healthChecks.stop();
    return shutDownNode(
      {
        transport,
        connections,
        membership,
        retention,
        engine,
        accounting,
        telemetry,
        door,
        authenticator,
        commit,
        routes,
        store,
        clock,
      },
      graceMs,
    ).finally(() => eventLoop.stop());
  }

  let closing: Promise<void> | undefined;
  const scheme = config.tls === undefined ? 'http' : 'https';
  return {
    url: `${scheme}://${config.host.includes(':') ? `[${config.host}]` : config.host}:${transport.port}`,
    port: transport.port,
    transport: transport.kind,
    node,
    keys,
    tickets,
    recoveredTurns,
    stats,
    upstreams: () => dispatcher.balancer.states.report(),
    async reload(next) {
      const changed = configOf(next);
      if (needsLanguage(changed)) await routes.detectLanguage(loadLanguageDetector);
      routes.reload(changed);
      dispatcher.balancer.forgetLimits();
      tendUpstreams();
      const isTaken = (key: string): boolean => (reloadedKeys as readonly string[]).includes(key);
      return Object.keys(config).filter(
        (key) =>
          !isTaken(key) && JSON.stringify(config[key as keyof Config]) !== JSON.stringify(changed[key as keyof Config]),
      );
    },
    drain: (graceMs = config.drainMs) => (closing ??= shutDown(graceMs)),
    close: () => (closing ??= shutDown(0)),
  };
}

function isShared(store: Store): store is SharedStore {
  return 'takeOver' in store;
}

/** Turns of a gateway that shares its store with nobody. */
function localTurns(engine: TurnEngine): TurnService {
  return {
    async submit(session, frame, who) {
      const submitted = await engine.submit(session, frame, who);
      if (submitted.outcome === 'elsewhere')
        throw new Error('another node runs the turn in a store that is not shared');
      return submitted;
    },
    cancel: (...request) => engine.cancel(...request),
    toolResult: (...request) => engine.toolResult(...request),
    stateOf: (session, turn) => engine.stateOf(session, turn),
    beginningOf: async (session, turn) => engine.beginningOf(session, turn),
    abandon: (session) => engine.abandon(session),
  };
}
