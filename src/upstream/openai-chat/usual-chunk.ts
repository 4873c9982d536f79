/** Keys that a chunk may have without meaning anything beyond its text. */
const chunkKeys = new Set([
  'id',
  'object',
  'created',
  'model',
  'system_fingerprint',
  'service_tier',
  'provider',
  'obfuscation',
]);
const choiceKeys = new Set(['index', 'delta', 'finish_reason', 'native_finish_reason', 'logprobs']);

/** Where the text of a chunk begins. */
const textStart = /"content"\s*:\s*"/;
/** Where the padding begins by which OpenAI hides how long a text is (https://platform.openai.com/docs/api-reference/chat-streaming/streaming#chat-streaming/streaming-obfuscation). */
const paddingStart = /"obfuscation"\s*:\s*"/;
/** What ends a JSON string, begins an escape, or may not stand in one: below a space (https://www.rfc-editor.org/rfc/rfc8259#section-7). */
const notPlain = /["\\]|[^ -\uffff]/;
/** A provider is not looked at again after so many lessons of which none was of use: its chunks differ in more than their text. */
const maxLessons = 20;

/** How a server-sent event of one line of data is written; other ways that are allowed go to the parser. */
const eventStart = 'data: ';
const eventEnd = '\n\n';

/**
 * The chunk of which nearly all answers consist: nothing but a piece of text, and around it the same bytes as in the chunk before
 * (but for padding, which says nothing). Where those are the same and the piece is plain, it is the text as `JSON.parse` would
 * give it, at a seventh of what the parser of events and `JSON.parse` take.
 */
export class UsualChunk {
  #before: string | undefined;
  #behind = '';
  /** What follows the padding, where there is any. */
  #behindPadding: string | undefined;
  #lessons = 0;
  /** Behind what `#match` found. */
  #end = 0;

  /** The text of a chunk that is as the one learnt; undefined for any other, and for a text that has to be parsed. */
  read(data: string): string | undefined {
    const text = this.#match(data, 0);
    return this.#end === data.length ? text : undefined;
  }

  /** Gives the texts of the events at the start of `piece` that are as the one learnt; answers where the first other one begins. */
  readEvents(piece: string, give: (text: string) => void): number {
    let from = 0;
    while (hasAt(piece, eventStart, from)) {
      const text = this.#match(piece, from + eventStart.length);
      if (text === undefined || !hasAt(piece, eventEnd, this.#end)) break;
      from = this.#end + eventEnd.length;
      give(text);
    }
    return from;
  }

  /** `chunk`: what `data` says, parsed. */
  learn(data: string, chunk: Record<string, unknown>): void {
    if (this.#lessons >= maxLessons) return;
    const text = onlyText(chunk);
    if (text === undefined || notPlain.test(text)) return;
    this.#lessons++;
    const start = textStart.exec(data);
    if (start === null) return;
    const from = start.index + start[0].length;
    const behind = data.slice(from + text.length);
    // an escaped form of the same text, or another key of the same name
    if (!data.startsWith(`${text}"`, from) || textStart.test(behind)) return;
    const padding = paddingStart.exec(behind);
    const paddedFrom = padding === null ? behind.length : padding.index + padding[0].length;
    this.#before = data.slice(0, from);
    this.#behind = behind.slice(0, paddedFrom);
    this.#behindPadding = padding === null ? undefined : behind.slice(behind.indexOf('"', paddedFrom));
  }

  #match(data: string, at: number): string | undefined {
    const before = this.#before;
    if (before === undefined || !hasAt(data, before, at)) return undefined;
    const from = at + before.length;
    const to = data.indexOf('"', from);
    if (to === -1 || !hasAt(data, this.#behind, to)) return undefined;
    const text = data.slice(from, to);
    let end = to + this.#behind.length;
    if (this.#behindPadding !== undefined) {
      const paddedTo = data.indexOf('"', end);
      if (paddedTo === -1 || !hasAt(data, this.#behindPadding, paddedTo) || notPlain.test(data.slice(end, paddedTo)))
        return undefined;
      end = paddedTo + this.#behindPadding.length;
    }
    if (notPlain.test(text)) return undefined;
    // what was learnt is of use
    this.#lessons = 0;
    this.#end = end;
    return text;
  }
}

/** As `startsWith`, which takes 6 ns per unit where V8 compares strings of one length as memory. */
function hasAt(text: string, part: string, at: number): boolean {
  return text.slice(at, at + part.length) === part;
}

/** The text of a chunk that says nothing else. */
function onlyText(chunk: Record<string, unknown>): string | undefined {
  const { choices, usage, ...rest } = chunk;
  if (!Array.isArray(choices) || choices.length !== 1) return undefined;
  const choice = choices[0] as Record<string, unknown> | null | undefined;
  const delta = choice?.delta as Record<string, unknown> | null | undefined;
  // of most chunks without a text this is all there is to see
  if (typeof delta?.content !== 'string') return undefined;
  if (!hasOnly(rest, chunkKeys) || (usage ?? null) !== null) return undefined;
  if (!hasOnly(choice!, choiceKeys) || (choice!.index ?? 0) !== 0 || (choice!.finish_reason ?? null) !== null)
    return undefined;
  const { content: _content, role: _role, ...others } = delta;
  return Object.values(others).every((value) => value === null) ? delta.content : undefined;
}

function hasOnly(value: object, keys: ReadonlySet<string>): boolean {
  return Object.keys(value).every((key) => keys.has(key));
}
