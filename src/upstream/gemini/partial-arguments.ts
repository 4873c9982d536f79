import { UpstreamError } from '../contract.ts';
import { fieldsOf, isObject, listOf } from '../json-fields.ts';

/** UTF-16 units of a path, and names in it; a provider that sends more is broken. */
const longestPath = 1_000;
const mostSteps = 32;

type Container = Record<string, unknown> | unknown[];

/**
 * Arguments of a call that come value by value, each with its place as a JSON path of names and indexes
 * (`$.stops[0].city`). A text may come in pieces: a value whose predecessor said `willContinue` goes on with it.
 * Source: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
 */
export class PartialArguments {
  readonly #root = emptyObject();
  #unfinishedPath: string | undefined;

  /**
   * Takes `partialArgs` of one piece and returns what it added, to be counted.
   *
   * @throws UpstreamError upstream_malformed for a path that leads nowhere
   */
  add(partialArgs: unknown): string {
    let added = '';
    for (const piece of listOf(partialArgs)) {
      const { jsonPath, willContinue, ...rest } = fieldsOf(piece);
      if (typeof jsonPath !== 'string') continue;
      const value = valueOf(rest);
      if (value === undefined) continue;
      this.#set(jsonPath, value);
      this.#unfinishedPath = willContinue === true ? jsonPath : undefined;
      added += typeof value === 'string' ? value : String(value);
    }
    return added;
  }

  /** Arguments given as an object, whole or beside pieces. */
  assign(args: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(args)) this.#root[name] = value;
  }

  get text(): string {
    return JSON.stringify(this.#root);
  }

  #set(path: string, value: unknown): void {
    const steps = parsePath(path);
    const last = steps.pop();
    if (last === undefined) throw lostPath();
    let container: Container = this.#root;
    for (const [at, step] of steps.entries()) {
      const next = typeof (steps[at + 1] ?? last) === 'number' ? [] : emptyObject();
      container = childOf(container, step, next);
    }
    const before = read(container, last);
    const isMore = this.#unfinishedPath === path && typeof before === 'string' && typeof value === 'string';
    write(container, last, isMore ? before + value : value);
  }
}

function valueOf(piece: Record<string, unknown>): string | number | boolean | null | undefined {
  if (typeof piece['stringValue'] === 'string') return piece['stringValue'];
  if (typeof piece['numberValue'] === 'number') return piece['numberValue'];
  if (typeof piece['boolValue'] === 'boolean') return piece['boolValue'];
  return 'nullValue' in piece ? null : undefined;
}

/** `$.a['b c'][0]` as names and indexes; RFC 9535 without wildcards, slices and filters. */
function parsePath(path: string): (string | number)[] {
  if (!path.startsWith('$') || path.length > longestPath) throw lostPath();
  const step = /\.([^.[\]'"]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/gy;
  step.lastIndex = 1;
  const steps: (string | number)[] = [];
  while (step.lastIndex < path.length) {
    const match = step.exec(path);
    if (match === null || steps.length === mostSteps) throw lostPath();
    const quoted = match[3] ?? match[4];
    if (match[2] !== undefined) steps.push(Number(match[2]));
    else steps.push(match[1] ?? (quoted ?? '').replace(/\\(.)/g, '$1'));
  }
  return steps;
}

function childOf(container: Container, step: string | number, next: Container): Container {
  const child = read(container, step);
  if (isObject(child) || Array.isArray(child)) return child;
  write(container, step, next);
  return next;
}

function read(container: Container, step: string | number): unknown {
  return Array.isArray(container) ? container[Number(step)] : container[step];
}

function write(container: Container, step: string | number, value: unknown): void {
  if (!Array.isArray(container)) container[step] = value;
  // Values come in order, so that a gap is a mistake, and a large one an attack.
  else if (typeof step === 'number' && step <= container.length) container[step] = value;
  else throw lostPath();
}

/** Without a prototype, so that `__proto__` is a name like any other. */
function emptyObject(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

function lostPath(): UpstreamError {
  return new UpstreamError('upstream_malformed', 'The provider sent an argument of a tool call without a place.');
}
