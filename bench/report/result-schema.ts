import { z } from 'zod';
import { fileVersion, type ResultFile } from '../result.ts';

const figureSchema = z.strictObject({
  of: z.string().min(1),
  name: z.string().min(1),
  value: z.number().optional(),
  ratios: z.record(z.string(), z.number()).optional(),
  verdict: z.strictObject({ isReached: z.boolean().optional(), text: z.string().min(1) }).optional(),
  details: z.record(z.string(), z.number()).optional(),
  note: z.string().min(1).optional(),
});

const rowSchema = z.strictObject({
  id: z.string().min(1),
  suite: z.string().min(1),
  measure: z.string().min(1),
  unit: z.string().min(1),
  better: z.enum(['less', 'more']),
  method: z.string().min(1).optional(),
  goal: z.strictObject({ text: z.string().min(1), limit: z.number(), times: z.string().optional() }).optional(),
  profile: z.string().min(1).optional(),
  figures: z.array(figureSchema).min(1),
});

const text = z.string().min(1);

/** The file that `npm run bench` writes, to the letter: what others compute with must not change unseen. */
export const resultSchema: z.ZodType<ResultFile> = z.strictObject({
  format: z.literal('parley-side-by-side'),
  version: z.literal(fileVersion),
  at: z.iso.datetime(),
  finishedAt: z.iso.datetime().optional(),
  commit: text,
  command: text,
  machine: z.strictObject({
    cpu: text,
    cores: z.int(),
    memoryBytes: z.int(),
    platform: text,
    node: text,
    loadBefore: z.number(),
  }),
  contenders: z.array(z.strictObject({ id: text, name: text, version: text, does: text, cancelledBy: text })),
  absent: z.array(z.strictObject({ id: text, reason: text })),
  rows: z.array(rowSchema),
});
