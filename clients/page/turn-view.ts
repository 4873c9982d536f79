import type { WindowReport } from '../../protocol/frames/turn.ts';
import { ParleyError, type Turn, type TurnPart, type TurnResult } from '../browser/index.ts';
import { AnswerView } from './answer-view.ts';
import { copyButton } from './copy-button.ts';
import { element, icon, setText } from './dom.ts';
import { countOf, endWords, stateWords, usageWords, whenWords } from './facts.ts';
import { questionNodes } from './question-view.ts';

export interface TurnViewOptions {
  turn: Turn;
  /** Something that the rest of the page shows has changed: the window, whether the turn runs. */
  onChange(): void;
  onEnd(view: TurnView, result: TurnResult): void;
  onRefused(view: TurnView, error: ParleyError): void;
  /** The user wants the same input sent again. */
  onAgain(view: TurnView): void;
}

/** One turn on the page: what the user said, the answer as it grows, and what became of it. */
export class TurnView {
  readonly node: HTMLElement;
  readonly turn: Turn;
  readonly answer = new AnswerView();
  window: WindowReport | undefined;
  readonly #options: TurnViewOptions;
  readonly #question = element('div', { class: 'question' });
  readonly #status = element('span', { class: 'turn-status' });
  readonly #facts = element('ul', { class: 'facts' });
  readonly #actions = element('span', { class: 'turn-actions' });
  #words = '';
  #frame: number | undefined;
  #stopping = false;
  #accepted = false;
  #started = false;
  #saidQueued = false;
  #isBehind = false;
  #removable = false;
  #disposed = false;

  constructor(options: TurnViewOptions) {
    this.#options = options;
    this.turn = options.turn;
    this.node = element(
      'article',
      { class: 'turn', 'data-turn': options.turn.id, 'data-status': options.turn.status },
      element('h2', { class: 'visually-hidden' }, 'You'),
      this.#question,
      element('h2', { class: 'visually-hidden' }, 'Answer'),
      this.answer.node,
      element('div', { class: 'turn-foot' }, this.#status, this.#facts, this.#actions),
    );
    this.#showQuestion();
    this.#words = options.turn.status === 'sending' ? 'Sending' : stateWords('waiting', undefined);
    options.turn.accepted.then(
      () => {
        this.#accepted = true;
        if (this.#words === 'Sending') this.#words = stateWords('waiting', undefined);
        options.onChange();
        this.#schedule();
      },
      () => {},
    );
    this.#render();
    void this.#follow();
  }

  get running(): boolean {
    return this.turn.status === 'sending' || this.turn.status === 'running';
  }

  /** Accepted, and not begun because another turn runs. */
  get queued(): boolean {
    return this.running && this.#accepted && !this.#started && (this.#saidQueued || this.#isBehind);
  }

  /** Whether a turn before this one runs: who attaches later is not told of the queue. */
  set behind(isBehind: boolean) {
    if (isBehind === this.#isBehind) return;
    this.#isBehind = isBehind;
    this.#schedule();
  }

  stop(): void {
    if (!this.running || this.#stopping) return;
    this.#stopping = true;
    this.#schedule();
    // how it ends, `done` tells
    this.turn.cancel().catch(() => {});
  }

  dispose(): void {
    this.#disposed = true;
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
  }

  async #follow(): Promise<void> {
    try {
      for await (const part of this.turn) {
        if (this.#disposed) return;
        this.#take(part);
      }
      const result = await this.turn.done;
      if (!this.#disposed) this.#settle(result);
    } catch (error) {
      if (!this.#disposed) this.#refuse(ParleyError.from(error));
    }
  }

  #take(part: TurnPart): void {
    if (part.type === 'routed') this.window = part.window;
    if (part.type === 'state') {
      this.#saidQueued = part.state === 'queued';
      this.#started ||= !this.#saidQueued;
      this.#words = stateWords(part.state, part.place);
    } else {
      this.#started = true;
      if (part.type === 'text') this.#words = 'Answering';
      else if (part.type === 'reasoning') this.#words = 'Thinking';
      else if (part.type === 'tool-call') this.#words = stateWords('tool', undefined);
      else this.#words = part.type === 'restarted' ? 'Beginning anew' : stateWords('waiting', undefined);
    }
    this.answer.take(part);
    if (part.type === 'routed' || part.type === 'state') this.#options.onChange();
    this.#schedule();
  }

  /** Known when the turn was sent here, or with its accept. */
  #showQuestion(): void {
    const { input } = this.turn;
    if (input === undefined || this.#question.hasChildNodes()) return;
    this.#question.append(...questionNodes(input));
  }

  #offerRemoval(isQueued: boolean): void {
    const offered = isQueued && !this.#stopping;
    if (offered === this.#removable) return;
    this.#removable = offered;
    this.#actions.replaceChildren();
    if (!offered) return;
    const remove = element('button', { type: 'button', class: 'quiet-button' }, 'Remove from the queue');
    remove.addEventListener('click', () => this.stop());
    this.#actions.append(remove);
  }

  /** Parts may come faster than the screen shows them. */
  #schedule(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      if (this.running) this.#render();
    });
  }

  #render(): void {
    const { turn } = this;
    this.#showQuestion();
    this.answer.render();
    const isQueued = this.queued;
    this.node.dataset['status'] = isQueued ? 'queued' : turn.status;
    const words = isQueued && !this.#saidQueued ? 'Queued' : this.#words;
    setText(this.#status, this.#stopping ? 'Stopping' : words);
    this.#offerRemoval(isQueued);
    this.#facts.replaceChildren(...(turn.tokens > 0 ? [element('li', {}, countOf(turn.tokens, 'token'))] : []));
  }

  #settle(result: TurnResult): void {
    this.answer.finish(result.sources);
    this.node.dataset['status'] = result.status;
    this.#showQuestion();
    setText(this.#status, endWords(result));
    const words = usageWords(result.usage, result.timing, result.costUsd);
    this.#facts.replaceChildren(...words.map((fact) => element('li', {}, fact)));
    this.#actions.replaceChildren();
    if (result.text !== '') this.#actions.append(copyButton('Copy answer', () => result.text));
    if (result.status === 'failed' || result.status === 'interrupted') this.#offerAgain();
    this.#options.onEnd(this, result);
    this.#options.onChange();
  }

  #refuse(error: ParleyError): void {
    this.answer.finish();
    this.node.dataset['status'] = 'refused';
    setText(this.#status, `${this.#accepted ? 'Lost' : 'Not sent'}: ${whenWords(error.message, error.retryAfterMs)}`);
    this.#facts.replaceChildren();
    this.#actions.replaceChildren();
    this.#offerAgain();
    this.#options.onRefused(this, error);
    this.#options.onChange();
  }

  #offerAgain(): void {
    const again = element('button', { type: 'button', class: 'quiet-button' }, icon('again'), 'Try again');
    again.addEventListener('click', () => {
      again.disabled = true;
      this.#options.onAgain(this);
    });
    this.#actions.append(again);
  }
}
