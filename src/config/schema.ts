import { z } from 'zod';
import { authSettingsSchema } from '../auth/settings.ts';
import { modelEntrySchema } from '../catalogue/model-entry.ts';
import { scopedLimitsSchema } from '../limits/rules.ts';
import { routingShape } from '../routing/rules.ts';
import { parseRedisAddress } from '../store/redis-address.ts';

const durationMs = z.int().min(0);
const positive = z.int().min(1);

/** Turns whose node is lost: `end` as interrupted, or `continue` on another node where the upstream can. */
const onCrashSchema = z.enum(['end', 'continue']);

const timeoutsSchema = z.strictObject({
  connectMs: positive.default(5_000),
  firstTokenMs: positive.default(60_000),
  idleMs: positive.default(30_000),
  totalMs: positive.default(10 * 60_000),
});

/** What this node asks of an upstream at most; more turns wait in line. */
const capacitySchema = z.strictObject({
  concurrency: positive.optional(),
  tokensPerMinute: positive.optional(),
  requestsPerMinute: positive.optional(),
});

/** Towards a server that the gateway is a client of. */
const clientTlsSchema = z
  .strictObject({
    /** Authorities; those of the system otherwise. */
    caFile: z.string().optional(),
    certificateFile: z.string().optional(),
    keyFile: z.string().optional(),
    /** Name in the certificates, where it is not in the address. */
    servername: z.string().optional(),
  })
  .refine(({ certificateFile, keyFile }) => (certificateFile === undefined) === (keyFile === undefined), {
    message: 'certificateFile and keyFile go together',
  });

const upstreamName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

/** What upstreams of all wires have. */
const commonShape = {
  name: upstreamName,
  limits: capacitySchema.prefault({}),
  /** Where it runs; a gateway of the same `region` prefers it. */
  region: z.string().min(1).optional(),
  onCrash: onCrashSchema.optional(),
};

/** And those over HTTP. */
const httpShape = {
  ...commonShape,
  apiKey: z.string().optional(),
  /** Several keys take turns; one that is limited or refused rests. */
  apiKeys: z.array(z.string().min(1)).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** Names clients may ask for; empty passes any name through. */
  models: z.array(z.string()).default([]),
  defaultModel: z.string().min(1),
  timeouts: timeoutsSchema.prefault({}),
  /** Whether it may be in a private network; loopback that is written in `baseUrl` always may. */
  allowPrivateNetwork: z.boolean().default(false),
  tls: clientTlsSchema.optional(),
  /** Connections that are kept open ahead of need. */
  prewarm: z.int().min(0).max(64).default(0),
  /** Asks it every so often whether it is there, `path` from the root of the host; default: the list of models. */
  health: z
    .strictObject({
      everyMs: z.int().min(1_000),
      path: z
        .string()
        .regex(/^\/[\x21-\x7e]*$/)
        .optional(),
    })
    .optional(),
};

const baseUrl = z.url({ protocol: /^https?$/ });

const openaiChatSchema = z.strictObject({
  ...httpShape,
  wire: z.literal('openai-chat'),
  baseUrl,
  maxTokensField: z.enum(['max_tokens', 'max_completion_tokens']).optional(),
  /** How the server takes the beginning of an answer to go on with; `none` where it does not. */
  assistantPrefix: z.enum(['none', 'trailing', 'prefix', 'continue_final_message']).default('none'),
  /** False for servers that refuse `stream_options`. */
  includeUsage: z.boolean().optional(),
  /** Whether to send `prompt_cache_key`; by default to api.openai.com alone. */
  promptCacheKey: z.boolean().optional(),
});

const openaiResponsesSchema = z.strictObject({
  ...httpShape,
  wire: z.literal('openai-responses'),
  baseUrl,
  /** Whether the provider may keep the answers. */
  store: z.boolean().optional(),
  reasoningSummary: z.enum(['auto', 'concise', 'detailed']).optional(),
  /** Whether the models think, where their names do not tell. */
  reasoning: z.boolean().optional(),
  acceptsPrefix: z.boolean().optional(),
});

const anthropicSchema = z.strictObject({
  ...httpShape,
  wire: z.literal('anthropic'),
  baseUrl: baseUrl.default('https://api.anthropic.com/v1'),
  /** Of an answer for which nothing else bounds the output: the provider demands a bound. */
  defaultMaxTokens: positive.optional(),
  promptCache: z.boolean().optional(),
  acceptsPrefix: z.boolean().optional(),
});

const geminiSchema = z.strictObject({
  ...httpShape,
  wire: z.literal('gemini'),
  baseUrl: baseUrl.default('https://generativelanguage.googleapis.com/v1beta'),
  acceptsPrefix: z.boolean().optional(),
});

const practiceSchema = z.strictObject({
  ...commonShape,
  wire: z.literal('practice'),
  /** 0 answers without any pause. */
  tokensPerSecond: z.number().min(0).default(40),
  firstTokenMs: durationMs.default(300),
});

/** What the address in `store` does not say. */
const redisSchema = z.strictObject({
  tls: clientTlsSchema.prefault({}),
  sentinelUsername: z.string().optional(),
  sentinelPassword: z.string().optional(),
  /** An end is shown when this many replicas have it, or after `waitMs`. */
  waitReplicas: z.int().min(0).default(0),
  waitMs: z.int().min(1).max(60_000).default(1_000),
});

function checkStore(text: string, context: z.core.$RefinementCtx<string>): void {
  if (text === 'embedded') return;
  try {
    parseRedisAddress(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message, input: '' });
  }
}

const days = z.number().positive();

const retentionRulesSchema = z.strictObject({
  /** Turns that ended longer ago are removed. */
  maxAgeDays: days.optional(),
  /** Turns of one session; the oldest go. */
  maxTurns: positive.optional(),
  /** Bytes of one session's turns, as JSON; the oldest go. */
  maxBytes: positive.optional(),
  /** A session that nobody followed and that ran nothing for this long is erased. */
  idleDays: days.optional(),
  /** All sessions of a tenant; the longest unused are erased. */
  maxTenantBytes: positive.optional(),
});

/** The configuration file (`parley.yaml`), environment and flags merged. Unknown keys are refused by name. */
export const configSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(8080),
  /** `embedded`, or an address of Redis for nodes that share it (store/redis-address.ts). */
  store: z.string().superRefine(checkStore).default('embedded'),
  redis: redisSchema.prefault({}),
  /** What the keys in Redis begin with. */
  redisPrefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/)
    .default('parley'),
  /** A node that does not renew its lease in Redis for this long is taken over. */
  leaseMs: z.int().min(500).default(3_000),
  /** Directory of the embedded store. */
  data: z.string().min(1).default('./parley-data'),
  /** `disk` waits for the disk before a token is shown: survives a power cut. */
  durability: z.enum(['process', 'disk']).default('process'),
  transport: z.enum(['auto', 'uws', 'ws']).default('auto'),
  /** Other processes listen on the same port; set for the workers of one command. */
  sharePort: z.boolean().default(false),
  tls: z.strictObject({ certificateFile: z.string(), keyFile: z.string() }).optional(),
  /** Origins of pages on other hosts that may connect; `*` allows every page. */
  origins: z.array(z.string()).default([]),
  auth: authSettingsSchema,
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
      format: z.enum(['auto', 'json', 'pretty']).default('auto'),
      /** Share of the requests over HTTP that get a line; those that failed always do. */
      requestSample: z.number().min(0).max(1).default(1),
    })
    .prefault({}),
  /** Acts that matter to security, as JSON lines in a file; in the log otherwise. */
  audit: z.strictObject({ file: z.string().min(1).optional() }).prefault({}),
  /** `GET /metrics` in the format of Prometheus: for loopback, for whoever has the token, and for admins. */
  metrics: z
    .strictObject({
      enabled: z.boolean().default(false),
      token: z.string().min(16).optional(),
      /** Memory, CPU and event loop of the process, too. */
      process: z.boolean().default(true),
    })
    .prefault({}),
  /** Where alerts of limits are sent. */
  alerts: z
    .strictObject({
      webhook: z
        .strictObject({
          url: z.url({ protocol: /^https?$/ }),
          /** Signs what is sent, as `whsec_` and base64 (https://www.standardwebhooks.com). */
          secret: z
            .string()
            .regex(/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/, 'is not whsec_ and at least 24 bytes as base64')
            .optional(),
          maxAttempts: z.int().min(1).max(20).default(8),
          timeoutMs: positive.default(10_000),
        })
        .optional(),
    })
    .prefault({}),
  /** Requests over HTTP; those for the page and the probes do not count. */
  http: z
    .strictObject({
      /** Of one address; a refused credential counts as many. */
      requestsPerMinute: positive.default(600),
      maxConcurrentRequests: positive.default(256),
    })
    .prefault({}),
  /** The first is the default. Empty: the practice upstream. */
  upstreams: z
    .array(
      z.discriminatedUnion('wire', [
        openaiChatSchema,
        openaiResponsesSchema,
        anthropicSchema,
        geminiSchema,
        practiceSchema,
      ]),
    )
    .default([]),
  ...routingShape,
  /** What is known of models, over the list that comes with Parley. */
  catalogue: z
    .strictObject({
      /** As `parley models import` writes them. */
      files: z.array(z.string().min(1)).default([]),
      models: z.array(modelEntrySchema.partial().extend({ model: z.string().min(1) })).default([]),
    })
    .prefault({}),
  /** Where this gateway runs. */
  region: z.string().min(1).optional(),
  /** Turns for which no upstream has room. */
  queue: z
    .strictObject({ maxWaiting: z.int().min(0).default(1_000), maxWaitMs: positive.default(30_000) })
    .prefault({}),
  /** The rolling summary of sessions with window policy `summary`. */
  summary: z
    .strictObject({
      /** Upstream and model that write it, as a turn asks for them; the default ones otherwise. */
      route: z.string().min(1).optional(),
      model: z.string().min(1).optional(),
      /** Longest summary; never more than a quarter of the session's budget. */
      maxTokens: z.int().min(16).default(1_024),
      /** Older turns are folded in when the turns since the last summary take this share of their room. */
      after: z.number().min(0.1).max(0.95).default(0.6),
      timeoutMs: positive.default(60_000),
      /** Instructions to the model, instead of the built-in ones. */
      prompt: z.string().min(1).optional(),
    })
    .prefault({}),
  limits: z
    .strictObject({
      maxMessageBytes: positive.default(1024 * 1024),
      maxInputBytes: positive.default(512 * 1024),
      /** Images, audio and files of one turn; they also have to fit into a message. */
      maxMediaBytes: positive.default(8 * 1024 * 1024),
      /** Bytes waiting for one socket beyond which it is cut. */
      maxBufferedBytes: positive.default(4 * 1024 * 1024),
      maxSockets: positive.default(100_000),
      maxSocketsPerAddress: positive.default(100_000),
      maxAttachments: positive.default(256),
      maxQueuedTurns: positive.default(16),
      maxOutputTokens: positive.default(32_768),
      windowTokens: positive.default(32_768),
      /** A turn nobody is attached to lives on for this long. */
      keepMs: durationMs.default(5 * 60_000),
      maxKeepMs: durationMs.default(60 * 60_000),
      toolMs: positive.default(5 * 60_000),
      maxToolRounds: positive.default(32),
      helloMs: positive.default(5_000),
      heartbeatMs: z.int().min(1_000).default(25_000),
      /** A peer silent for this long is gone; 8 to 960, in steps of 4. */
      idleTimeoutSeconds: z.int().min(8).max(960).multipleOf(4).default(40),
      slowConsumerMs: positive.default(30_000),
      /** While the process has no time left, what comes of an answer gathers for this long before it is read; 0: never. */
      coalesceMs: z.int().min(0).max(1_000).default(40),
      maxHistoryBytes: positive.default(1024 * 1024),
      /** Body of a request over HTTP, and how long it may take to come. */
      maxBodyBytes: positive.default(1024 * 1024),
      bodyMs: positive.default(10_000),
      /** Frames of one socket, four seconds' worth of them at once. */
      framesPerSecond: positive.default(500),
    })
    .prefault({}),
  /** What each tenant, key, user, session and address may use; nothing is limited by default. */
  quotas: scopedLimitsSchema
    .extend({
      /** Sets of limits by the tier of a credential, over those above. */
      tiers: z.record(z.string(), scopedLimitsSchema).default({}),
      /** Of one tenant, over those of the tier. */
      tenants: z.record(z.string(), scopedLimitsSchema).default({}),
      /** Output tokens that are reserved at a time for a turn that does not limit itself to fewer. */
      estimateTokens: positive.default(1_024),
      /** What a node that died had reserved is given back after this. */
      leaseMs: z.int().min(1_000).default(15_000),
      /** While the store is away: turns with limits are refused, or go on unchecked. */
      onStoreLoss: z.enum(['refuse', 'allow']).default('refuse'),
      /** A model without a price where cost is limited: the turn is refused, or costs nothing. */
      unknownPrice: z.enum(['refuse', 'free']).default('refuse'),
      /** Shares of a limit of an hour, a day or a month at which somebody is told. */
      alertAt: z.array(z.number().positive().max(10)).default([0.8, 1]),
    })
    .prefault({}),
  /** Every upstream call and what it cost. */
  ledger: z.strictObject({ keepDays: days.default(400) }).prefault({}),
  /** How long conversations are kept; nothing is removed by default. */
  retention: retentionRulesSchema
    .extend({
      /** Rules of a tenant, before those for all. */
      tenants: z.record(z.string(), retentionRulesSchema).default({}),
      /** Between two steps of the round that looks for what is too old. */
      tidyMs: positive.default(1_000),
    })
    .prefault({}),
  /** For upstreams that do not say. */
  onCrash: onCrashSchema.default('end'),
  /** After SIGTERM running turns get this long. */
  drainMs: durationMs.default(20_000),
});

export type Config = z.infer<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;
export type UpstreamConfig = Config['upstreams'][number];
