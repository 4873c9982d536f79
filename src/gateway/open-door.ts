import type { Authenticator, KeyService, TicketService } from '../auth/contract.ts';
import type { Config } from '../config/schema.ts';
import { createApi } from '../http/create-api.ts';
import { createHttpHandler } from '../http/create-http-handler.ts';
import { loadPageFiles } from '../http/page-files.ts';
import type { HttpServices, ServedModel } from '../http/services.ts';
import type { QueryUsage } from '../ledger/contract.ts';
import type { Clock } from '../lib/clock.ts';
import type { Router } from '../routing/contract.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { Store } from '../store/contract.ts';
import type { Logger } from '../telemetry/contract.ts';
import type { TransportOptions } from '../transport/contract.ts';
import { eraseSession } from '../turn/erase-session.ts';
import type { TurnService } from '../turn/turn-service.ts';
import type { Telemetry } from './create-telemetry.ts';

export interface DoorParts {
  config: Config;
  clock: Clock;
  logger: Logger;
  newId(): string;
  store: Store;
  registry: SessionRegistry;
  turns: TurnService;
  router: Router;
  /** Names of groups of models, which turns may ask for like models. */
  modelGroups(): string[];
  telemetry: Telemetry;
  authenticator: Authenticator;
  keys: KeyService;
  tickets: TicketService;
  queryUsage?: QueryUsage | undefined;
  isOriginAllowed: TransportOptions['isOriginAllowed'];
  isReady(): boolean;
}

export interface Door {
  onRequest: TransportOptions['onRequest'];
  /** Resolves when no request is being answered any more, or after `maxMs`. */
  idle(maxMs: number): Promise<void>;
}

/** What the gateway answers over plain HTTP: the page, the probes and the API. */
export function openDoor(parts: DoorParts): Door {
  const { config, store, registry, turns, telemetry } = parts;
  const services: HttpServices = {
    store,
    registry,
    authenticator: parts.authenticator,
    eraseSession: (session) => eraseSession({ turns, store, registry }, session),
    settled: async () => turns.settled?.(),
    models: () => servedModels(parts),
    keys: parts.keys,
    tickets: parts.tickets,
    queryUsage: parts.queryUsage,
    figures: telemetry.figures,
    metricsToken: config.metrics.token,
    isOriginAllowed: parts.isOriginAllowed,
    limits: { ...config.http, maxHistoryBytes: config.limits.maxHistoryBytes },
    requestSample: config.log.requestSample,
    clock: parts.clock,
    random: Math.random,
    newId: parts.newId,
    logger: parts.logger,
    audit: telemetry.audit,
    metrics: telemetry.metrics,
  };
  const api = createApi(services);
  return {
    onRequest: createHttpHandler({ page: loadPageFiles(), isReady: parts.isReady, api }),
    async idle(maxMs) {
      await new Promise<void>((resolve) => {
        const timer = parts.clock.setTimer(resolve, maxMs);
        void api.idle().then(() => {
          timer.cancel();
          resolve();
        });
      });
    },
  };
}

function servedModels({ router, modelGroups }: DoorParts): ServedModel[] {
  const usual = router.route({ route: undefined, model: undefined });
  const groups = modelGroups().map((model) => ({ model, isDefault: false, isOpen: false }));
  return [
    ...groups,
    ...router.upstreams.flatMap(({ name, models, defaultModel }) =>
      (models.length === 0 ? [defaultModel] : models).map((model) => ({
        model,
        upstream: name,
        isDefault: name === usual.upstream.name && model === usual.model,
        isOpen: models.length === 0,
      })),
    ),
  ];
}
