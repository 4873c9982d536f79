import * as z from 'zod/mini';

/** Largest length of a session id. */
const sessionIdPattern = /^[A-Za-z0-9_-]{1,128}$/;
const ulidPattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Alias of an attached session, chosen by the client and unique on its socket. */
export const aliasSchema = z.int().check(z.gte(0), z.lte(65_535));
/** The client's request id, echoed in the answer and in an error about it. */
export const refSchema = z.int().check(z.gte(0));
/** Place in a session's log; opaque to clients, see PROTOCOL.md “Positions”. */
export const positionSchema = z.int().check(z.gte(0));
export const countSchema = z.int().check(z.gte(0));
export const durationMsSchema = z.int().check(z.gte(0));
export const sessionIdSchema = z.string().check(z.regex(sessionIdPattern));
/** ULID minted by the client (https://github.com/ulid/spec), upper case. */
export const turnIdSchema = z.string().check(z.regex(ulidPattern));
export const shortTextSchema = z.string().check(z.maxLength(256));

const mediaTypeSchema = z.string().check(z.regex(/^[a-z]+\/[a-z0-9.+-]{1,64}$/));
/** Bytes as base64 with padding (RFC 4648, section 4); msgpack may carry them as `bin`, which is read as this text. */
const bytesSchema = z.string().check(z.minLength(4), z.regex(/^[A-Za-z0-9+/]+={0,2}$/));

const mediaShape = { mediaType: mediaTypeSchema, data: bytesSchema, name: z.optional(shortTextSchema) };

/** One typed part of a user's input. Media come with their bytes, or, pictures alone, with an address for the provider. */
export const inputPartSchema = z.union([
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image'), ...mediaShape }),
  z.object({ type: z.literal('audio'), ...mediaShape }),
  z.object({ type: z.literal('file'), ...mediaShape }),
  z.object({ type: z.literal('image'), url: z.string().check(z.maxLength(2_048), z.regex(/^https:\/\/[^\s]+$/)) }),
]);
export type InputPart = z.infer<typeof inputPartSchema>;

export const inputSchema = z.union([z.string(), z.array(inputPartSchema).check(z.minLength(1), z.maxLength(256))]);
export type TurnInput = z.infer<typeof inputSchema>;

/** What the answer must be: text, some JSON, or JSON that meets a schema. */
export const responseFormatSchema = z.union([
  z.object({ type: z.enum(['text', 'json']) }),
  z.object({
    type: z.literal('json_schema'),
    name: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/))),
    schema: z.record(z.string(), z.unknown()),
  }),
]);
export type ResponseFormat = z.infer<typeof responseFormatSchema>;

/** Sampling parameters; absent ones are left to the provider. */
export const paramsSchema = z.object({
  temperature: z.optional(z.number().check(z.gte(0), z.lte(2))),
  topP: z.optional(z.number().check(z.gte(0), z.lte(1))),
  maxOutputTokens: z.optional(z.int().check(z.gte(1))),
  stop: z.optional(z.array(z.string().check(z.minLength(1), z.maxLength(256))).check(z.maxLength(8))),
  seed: z.optional(z.int()),
  frequencyPenalty: z.optional(z.number().check(z.gte(-2), z.lte(2))),
  presencePenalty: z.optional(z.number().check(z.gte(-2), z.lte(2))),
  reasoningEffort: z.optional(z.string().check(z.maxLength(32))),
  responseFormat: z.optional(responseFormatSchema),
  /** A tool by name, or whether one is to be called. */
  toolChoice: z.optional(
    z.union([z.enum(['auto', 'none', 'required']), z.object({ name: z.string().check(z.maxLength(128)) })]),
  ),
});
export type Params = z.infer<typeof paramsSchema>;

/** A tool the model may call; `parameters` is a JSON schema of its arguments object. */
export const toolSchema = z.object({
  name: z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,128}$/)),
  description: z.optional(z.string().check(z.maxLength(8_192))),
  parameters: z.optional(z.record(z.string(), z.unknown())),
});
export type Tool = z.infer<typeof toolSchema>;
export const toolsSchema = z.array(toolSchema).check(z.maxLength(128));

export const onBusySchema = z.enum(['reject', 'queue', 'replace']);
export type OnBusy = z.infer<typeof onBusySchema>;

/** How long a turn lives on after its last attachment is gone; 0 ends it at once. */
export const onDetachSchema = z.object({ keepMs: durationMsSchema });

export const windowPolicySchema = z.enum(['sliding', 'summary', 'none']);
export type WindowPolicy = z.infer<typeof windowPolicySchema>;

export const windowSettingsSchema = z.object({
  policy: z.optional(windowPolicySchema),
  /** Budget of the whole window in tokens, the new input and the system text included. */
  maxTokens: z.optional(z.int().check(z.gte(16))),
});

/** What routes may look at and Parley itself does not. */
export const metadataSchema = z.record(z.string().check(z.maxLength(64)), z.string().check(z.maxLength(1_024)));

/** Settings of a session; in an `update` an absent key stays as it is and `null` removes it. */
export const settingsSchema = z.object({
  system: z.optional(z.nullable(z.string())),
  model: z.optional(z.nullable(shortTextSchema)),
  route: z.optional(z.nullable(shortTextSchema)),
  params: z.optional(z.nullable(paramsSchema)),
  window: z.optional(z.nullable(windowSettingsSchema)),
  tools: z.optional(z.nullable(toolsSchema)),
  onBusy: z.optional(z.nullable(onBusySchema)),
  onDetach: z.optional(z.nullable(onDetachSchema)),
  metadata: z.optional(z.nullable(metadataSchema)),
});
export type Settings = z.infer<typeof settingsSchema>;

/** Token counts of a turn. `output` includes `reasoning`; `input` includes `cached`. */
export const usageSchema = z.object({
  input: countSchema,
  output: countSchema,
  reasoning: countSchema,
  cached: countSchema,
  /** provider: reported by it; counted: exact tokenizer, no report came; estimated: tokenizer not published. */
  source: z.enum(['provider', 'counted', 'estimated']),
});
export type Usage = z.infer<typeof usageSchema>;

export const timingSchema = z.object({
  queuedMs: durationMsSchema,
  /** From acceptance to the first text or reasoning; absent when there was none. */
  firstTokenMs: z.optional(durationMsSchema),
  totalMs: durationMsSchema,
});
export type Timing = z.infer<typeof timingSchema>;

export const turnStatusSchema = z.enum(['completed', 'cancelled', 'limited', 'failed', 'interrupted', 'superseded']);
export type TurnStatus = z.infer<typeof turnStatusSchema>;
