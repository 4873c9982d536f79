import type { Source } from '../../protocol/frames/turn.ts';
import type { TurnPart } from '../browser/index.ts';
import { element } from './dom.ts';
import { sourceLink } from './source-link.ts';
import { StreamingMarkdown } from './markdown/streaming-markdown.ts';

type SaidPart = Extract<TurnPart, { pos: number }>;

interface Section {
  kind: 'text' | 'reasoning';
  markdown: StreamingMarkdown;
  details: HTMLDetailsElement | undefined;
}

/** The answer of one turn as it comes: text, reasoning and tool calls in the order they were said. */
export class AnswerView {
  readonly node = element('div', { class: 'answer' });
  readonly #calls = new Map<string, { status: HTMLElement; body: HTMLElement }>();
  /** What the turn said so far and stands, to show it again where a part of it is dropped. */
  #said: SaidPart[] = [];
  #section: Section | undefined;

  /** Takes a part; what it says is shown by the next `render`. */
  take(part: TurnPart): void {
    if ('pos' in part) this.#said.push(part);
    switch (part.type) {
      case 'text':
      case 'reasoning':
        if (this.#section?.kind !== part.type) this.#begin(part.type);
        this.#section!.markdown.append(part.text);
        return;
      case 'tool-call':
        this.#endSection();
        this.#showCall(part.call, part.name, part.arguments);
        return;
      case 'tool-result':
        this.#showResult(part.call, part.output, part.error);
        return;
      case 'restarted':
        this.#dropFrom(part.from);
        return;
      default:
    }
  }

  render(): void {
    this.#section?.markdown.render();
  }

  /** `sources`: what the answer cites. */
  finish(sources: readonly Source[] = []): void {
    this.#endSection();
    this.#said = [];
    const links = sources.flatMap(({ url, title }) => sourceLink(url, title) ?? []);
    if (links.length > 0) {
      const list = element('ul', {}, ...links.map((link) => element('li', {}, link)));
      this.node.append(element('nav', { class: 'sources', 'aria-label': 'Sources' }, list));
    }
    for (const { status } of this.#calls.values())
      if (status.textContent === 'running') status.textContent = 'no result';
  }

  /** What a screen reader is told at the end. */
  get spokenText(): string {
    return [...this.node.querySelectorAll<HTMLElement>('.said')].map((said) => said.innerText).join('\n');
  }

  /** Restarts are rare: what stands is simply shown anew. */
  #dropFrom(from: number): void {
    const said = this.#said.filter(({ pos }) => pos < from);
    this.#said = [];
    this.#section = undefined;
    this.#calls.clear();
    this.node.replaceChildren();
    for (const part of said) this.take('text' in part ? { ...part, text: part.text.slice(0, from - part.pos) } : part);
  }

  #begin(kind: Section['kind']): void {
    this.#endSection();
    const prose = element('div', { class: kind === 'text' ? 'prose said' : 'prose' });
    let details: HTMLDetailsElement | undefined;
    if (kind === 'reasoning') {
      details = element('details', { class: 'reasoning active' }, element('summary', {}, 'Reasoning…'), prose);
    }
    this.node.append(details ?? prose);
    this.#section = { kind, markdown: new StreamingMarkdown(prose), details };
  }

  #endSection(): void {
    const section = this.#section;
    if (section === undefined) return;
    section.markdown.render();
    if (section.details !== undefined) {
      section.details.classList.remove('active');
      section.details.querySelector('summary')!.textContent = 'Reasoning';
    }
    this.#section = undefined;
  }

  #showCall(call: string, name: string, argumentsJson: string): void {
    const status = element('span', { class: 'call-status' }, 'running');
    const body = element('div', { class: 'call-body' }, ...labelled('Arguments', pretty(argumentsJson)));
    this.node.append(
      element('details', { class: 'call' }, element('summary', {}, 'Tool ', element('code', {}, name), status), body),
    );
    this.#calls.set(call, { status, body });
  }

  #showResult(call: string, output: unknown, error: string | undefined): void {
    const known = this.#calls.get(call);
    if (known === undefined) return;
    known.status.textContent = error === undefined ? 'answered' : 'failed';
    const text = error ?? (typeof output === 'string' ? output : JSON.stringify(output, null, 2));
    known.body.append(...labelled(error === undefined ? 'Result' : 'Error', text ?? ''));
  }
}

function labelled(label: string, text: string): Node[] {
  return [
    element('p', { class: 'call-label' }, label),
    element('pre', { tabindex: '0', role: 'region', 'aria-label': label }, text),
  ];
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
