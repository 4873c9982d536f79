import { z } from 'zod';

/** What each provider accepts of what the gateway sends, as strict as its documentation: no unknown key, no empty text. */

const name = z.string().regex(/^[\w-]{1,64}$/);
const base64 = z.string().regex(/^[A-Za-z0-9+/]+=*$/);
const dataUrl = z.string().regex(/^data:[\w/.+-]+;base64,[A-Za-z0-9+/]+=*$/);
const https = z.string().regex(/^https:\/\//);
const schema = z.record(z.string(), z.unknown());
const objectSchema = z.looseObject({ type: z.literal('object') });
const said = z.string().regex(/\S/);

const cache = z.strictObject({ type: z.literal('ephemeral') }).optional();
const textBlock = z.strictObject({ type: z.literal('text'), text: said, cache_control: cache });
const toolUseId = z.string().regex(/^[a-zA-Z0-9_-]+$/);
const userBlock = z.discriminatedUnion('type', [
  textBlock,
  z.strictObject({
    type: z.literal('image'),
    source: z.union([
      z.strictObject({
        type: z.literal('base64'),
        media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
        data: base64,
      }),
      z.strictObject({ type: z.literal('url'), url: https }),
    ]),
    cache_control: cache,
  }),
  z.strictObject({
    type: z.literal('document'),
    source: z.strictObject({ type: z.literal('base64'), media_type: z.literal('application/pdf'), data: base64 }),
    title: z.string().optional(),
    cache_control: cache,
  }),
  z.strictObject({
    type: z.literal('tool_result'),
    tool_use_id: toolUseId,
    content: said.optional(),
    cache_control: cache,
  }),
]);
const assistantBlock = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: said }),
  z.strictObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string().min(1) }),
  z.strictObject({ type: z.literal('redacted_thinking'), data: z.string().min(1) }),
  z.strictObject({ type: z.literal('tool_use'), id: toolUseId, name, input: schema }),
]);

export const anthropicBody = z.strictObject({
  model: z.string(),
  max_tokens: z.number().int().min(1),
  stream: z.literal(true),
  system: z.array(textBlock).min(1).optional(),
  messages: z
    .array(
      z.discriminatedUnion('role', [
        z.strictObject({ role: z.literal('user'), content: z.array(userBlock).min(1) }),
        z.strictObject({ role: z.literal('assistant'), content: z.array(assistantBlock).min(1) }),
      ]),
    )
    .min(1),
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().min(0).max(1).optional(),
  stop_sequences: z.array(said).min(1).optional(),
  thinking: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('enabled'), budget_tokens: z.number().int().min(1024) }),
      z.strictObject({ type: z.literal('adaptive'), display: z.literal('summarized') }),
      z.strictObject({ type: z.literal('disabled') }),
    ])
    .optional(),
  output_config: z
    .strictObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).optional(),
      format: z.strictObject({ type: z.literal('json_schema'), schema }).optional(),
    })
    .optional(),
  tools: z
    .array(
      z.strictObject({
        name,
        description: z.string().min(1).optional(),
        input_schema: objectSchema,
        cache_control: cache,
      }),
    )
    .min(1)
    .optional(),
  tool_choice: z
    .union([
      z.strictObject({ type: z.enum(['auto', 'any', 'none']) }),
      z.strictObject({ type: z.literal('tool'), name }),
    ])
    .optional(),
});

const effort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']);
const jsonSchema = { name, schema, strict: z.boolean().optional() };

export const responsesBody = z.strictObject({
  model: z.string(),
  instructions: z.string().optional(),
  input: z
    .array(
      z.union([
        z.strictObject({
          role: z.literal('user'),
          content: z.union([
            z.string(),
            z.array(
              z.discriminatedUnion('type', [
                z.strictObject({ type: z.literal('input_text'), text: z.string() }),
                z.strictObject({
                  type: z.literal('input_image'),
                  image_url: z.union([https, dataUrl]),
                  detail: z.literal('auto'),
                }),
                z.strictObject({ type: z.literal('input_file'), filename: z.string().min(1), file_data: dataUrl }),
              ]),
            ),
          ]),
        }),
        z.strictObject({
          role: z.literal('assistant'),
          content: z.string().min(1),
          phase: z.enum(['commentary', 'final_answer']).optional(),
        }),
        z.strictObject({
          type: z.literal('reasoning'),
          id: z.string(),
          summary: z.array(z.strictObject({ type: z.literal('summary_text'), text: z.string() })),
          encrypted_content: z.string(),
        }),
        z.strictObject({ type: z.literal('function_call'), call_id: z.string(), name, arguments: z.string() }),
        z.strictObject({ type: z.literal('function_call_output'), call_id: z.string(), output: z.string() }),
      ]),
    )
    .min(1),
  stream: z.literal(true),
  store: z.literal(false),
  include: z.tuple([z.literal('reasoning.encrypted_content')]).optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  max_output_tokens: z.number().int().min(16).optional(),
  reasoning: z
    .strictObject({ effort: effort.optional(), summary: z.enum(['auto', 'concise', 'detailed']).optional() })
    .optional(),
  text: z
    .strictObject({
      format: z.union([
        z.strictObject({ type: z.literal('json_object') }),
        z.strictObject({ type: z.literal('json_schema'), ...jsonSchema }),
      ]),
    })
    .optional(),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function'),
        name,
        description: z.string().optional(),
        parameters: objectSchema,
        strict: z.literal(false),
      }),
    )
    .min(1)
    .optional(),
  tool_choice: z
    .union([z.enum(['auto', 'none', 'required']), z.strictObject({ type: z.literal('function'), name })])
    .optional(),
  prompt_cache_key: z.string().optional(),
});

const geminiPart = z.union([
  z.strictObject({ text: z.string().min(1) }),
  z.strictObject({ text: z.literal(''), thoughtSignature: z.string().min(1) }),
  z.strictObject({ inlineData: z.strictObject({ mimeType: z.string(), data: base64 }) }),
  z.strictObject({
    functionCall: z.strictObject({ name, args: schema, id: z.string().optional() }),
    thoughtSignature: z.string().min(1).optional(),
  }),
  z.strictObject({ functionResponse: z.strictObject({ name, response: schema, id: z.string().optional() }) }),
]);

export const geminiBody = z.strictObject({
  systemInstruction: z.strictObject({ parts: z.array(z.strictObject({ text: z.string().min(1) })).min(1) }).optional(),
  contents: z.array(z.strictObject({ role: z.enum(['user', 'model']), parts: z.array(geminiPart).min(1) })).min(1),
  tools: z
    .tuple([
      z.strictObject({
        functionDeclarations: z
          .array(
            z.strictObject({
              name,
              description: z.string().min(1).optional(),
              parametersJsonSchema: objectSchema.optional(),
            }),
          )
          .min(1),
      }),
    ])
    .optional(),
  toolConfig: z
    .strictObject({
      functionCallingConfig: z.strictObject({
        mode: z.enum(['AUTO', 'ANY', 'NONE']),
        allowedFunctionNames: z.array(name).optional(),
      }),
    })
    .optional(),
  generationConfig: z
    .strictObject({
      temperature: z.number().min(0).max(2).optional(),
      topP: z.number().min(0).max(1).optional(),
      maxOutputTokens: z.number().int().min(1).optional(),
      stopSequences: z.array(z.string()).min(1).max(5).optional(),
      seed: z.number().int().optional(),
      frequencyPenalty: z.number().optional(),
      presencePenalty: z.number().optional(),
      responseMimeType: z.literal('application/json').optional(),
      responseJsonSchema: schema.optional(),
      thinkingConfig: z
        .strictObject({
          includeThoughts: z.boolean(),
          thinkingBudget: z.number().int().min(-1).optional(),
          thinkingLevel: z.enum(['MINIMAL', 'LOW', 'MEDIUM', 'HIGH']).optional(),
        })
        .optional(),
    })
    .optional(),
});

export const chatBody = z.strictObject({
  model: z.string(),
  messages: z
    .array(
      z.discriminatedUnion('role', [
        z.strictObject({ role: z.literal('system'), content: z.string() }),
        z.strictObject({
          role: z.literal('user'),
          content: z.union([
            z.string(),
            z.array(
              z.discriminatedUnion('type', [
                z.strictObject({ type: z.literal('text'), text: z.string() }),
                z.strictObject({
                  type: z.literal('image_url'),
                  image_url: z.strictObject({ url: z.union([https, dataUrl]) }),
                }),
                z.strictObject({
                  type: z.literal('file'),
                  file: z.strictObject({ filename: z.string().min(1), file_data: dataUrl }),
                }),
              ]),
            ),
          ]),
        }),
        z.strictObject({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          tool_calls: z
            .array(
              z.strictObject({
                id: z.string(),
                type: z.literal('function'),
                function: z.strictObject({ name, arguments: z.string() }),
              }),
            )
            .min(1)
            .optional(),
        }),
        z.strictObject({ role: z.literal('tool'), tool_call_id: z.string(), content: z.string() }),
      ]),
    )
    .min(1),
  stream: z.literal(true),
  stream_options: z.strictObject({ include_usage: z.literal(true) }),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  max_completion_tokens: z.number().int().min(1).optional(),
  stop: z.array(z.string()).min(1).optional(),
  seed: z.number().int().optional(),
  frequency_penalty: z.number().optional(),
  presence_penalty: z.number().optional(),
  reasoning_effort: effort.optional(),
  response_format: z
    .union([
      z.strictObject({ type: z.literal('json_object') }),
      z.strictObject({ type: z.literal('json_schema'), json_schema: z.strictObject(jsonSchema) }),
    ])
    .optional(),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function'),
        function: z.strictObject({ name, description: z.string().optional(), parameters: objectSchema }),
      }),
    )
    .min(1)
    .optional(),
  tool_choice: z
    .union([
      z.enum(['auto', 'none', 'required']),
      z.strictObject({ type: z.literal('function'), function: z.strictObject({ name }) }),
    ])
    .optional(),
  prompt_cache_key: z.string().optional(),
});
