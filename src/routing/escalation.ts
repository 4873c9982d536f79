import type { EscalationRules } from './contract.ts';
import type { HeldAnswer } from './held-answer.ts';
import { type CheckedFormat, formatProblem } from '../lib/json-format.ts';

/** How models say no, in the languages in which they are asked most; a heuristic. */
const refusal =
  /^\W*(?:i(?:['’]m| am)? (?:sorry|afraid|can(?:no|['’])t|unable|not able)|sorry|as an ai|es tut mir leid|ich kann (?:das |dir |ihnen )?nicht|je suis désolée?|je ne peux pas|lo siento|no puedo|desculpe|申し訳|抱歉|对不起)/iu;

/** Why a cheap answer is not good enough; undefined when it is. The judge is asked apart. */
export function escalationReason(
  answer: Pick<HeldAnswer, 'text' | 'finish' | 'calls'>,
  rules: EscalationRules,
  format: CheckedFormat | undefined,
): string | undefined {
  const { text, finish, calls } = answer;
  if (finish === 'content_filter') return 'it was refused';
  // a call of a tool is an answer, too
  if (calls.length > 0) return undefined;
  const length = text.trim().length;
  if (rules.minLength !== undefined && length < rules.minLength) return 'it is too short';
  if (rules.maxLength !== undefined && length > rules.maxLength) return 'it is too long';
  if (rules.refusal && refusal.test(text)) return 'it is a refusal';
  if (rules.patterns.some((pattern) => pattern.test(text))) return 'it fits a pattern';
  if (rules.schema && format !== undefined && formatProblem(text, format) !== undefined) return 'it breaks the schema';
  return undefined;
}

/** The score in a judge's answer, 0 to 1; undefined where there is none. */
export function scoreOf(text: string): number | undefined {
  const found = /(?:^|[^\d.])((?:0|1)(?:\.\d+)?|\.\d+)(?![\d.])/.exec(text);
  const score = found === null ? Number.NaN : Number(found[1]);
  return score >= 0 && score <= 1 ? score : undefined;
}
