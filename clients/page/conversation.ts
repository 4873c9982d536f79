import type { TurnInput } from '../../protocol/frames/common.ts';
import type { ParleyError, Session, Turn, TurnResult } from '../browser/index.ts';
import { byId } from './dom.ts';
import { countOf, endWords } from './facts.ts';
import { ScrollFollow } from './scroll-follow.ts';
import { TurnView } from './turn-view.ts';

/** Text read out at the end of an answer, in UTF-16 units; a longer one can be read in the log. */
const longestAnnouncement = 1_500;

export interface ConversationOptions {
  onChange(): void;
  /** A turn of this session was accepted or replayed. */
  onTurn(turn: Turn): void;
  /** Whether the input has been taken back, so that its turn need not stay here. */
  onRefused(input: TurnInput, error: ParleyError): boolean;
  onAgain(input: TurnInput): void;
  onDeleted(): void;
}

/** The turns of the session that is open, as a log that follows its end. */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #log = byId('log', HTMLElement);
  readonly #announcer = byId('announcer', HTMLElement);
  readonly #follow = new ScrollFollow(byId('scroller', HTMLElement), this.#log, byId('to-latest', HTMLButtonElement));
  readonly #views = new Map<Turn, TurnView>();
  #unsubscribe: (() => void)[] = [];
  /** Turns that end during the replay are old news. */
  #live = false;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  get views(): readonly TurnView[] {
    return [...this.#views.values()];
  }

  /** The turn that Stop means. */
  get running(): TurnView | undefined {
    const running = this.views.filter((view) => view.running);
    return running.find((view) => !view.queued) ?? running[0];
  }

  open(session: Session): void {
    this.close();
    // presence comes after the replay
    this.#live = session.presence !== undefined;
    for (const turn of session.turns.values()) this.show(turn);
    this.#unsubscribe = [
      session.on('turn', (turn) => this.show(turn)),
      session.on('live', () => {
        this.#live = true;
      }),
      session.on('snapshot', () => {
        this.#clear();
        for (const turn of session.turns.values()) this.show(turn);
      }),
      session.on('deleted', () => this.#options.onDeleted()),
    ];
    this.#follow.toEnd();
  }

  close(): void {
    for (const stop of this.#unsubscribe.splice(0)) stop();
    this.#clear();
  }

  show(turn: Turn): void {
    if (this.#views.has(turn)) return;
    const view = new TurnView({
      turn,
      onChange: () => this.#changed(),
      onEnd: (ended, result) => this.#announce(ended, result),
      onRefused: (refused, error) => {
        if (this.#options.onRefused(refused.turn.input ?? '', error)) this.#remove(refused);
      },
      onAgain: (again) => {
        if (again.turn.status === 'refused') this.#remove(again);
        this.#options.onAgain(again.turn.input ?? '');
      },
    });
    this.#views.set(turn, view);
    this.#log.append(view.node);
    this.#options.onTurn(turn);
    this.#changed();
  }

  toEnd(): void {
    this.#follow.toEnd();
  }

  #changed(): void {
    let isBehind = false;
    for (const view of this.#views.values()) {
      if (!view.running) continue;
      view.behind = isBehind;
      isBehind = true;
    }
    this.#options.onChange();
  }

  #announce(view: TurnView, result: TurnResult): void {
    if (!this.#live) return;
    const end = endWords(result) || `Answer finished, ${countOf(result.usage.output, 'token')}`;
    this.#announcer.textContent = `${end}. ${view.answer.spokenText.slice(0, longestAnnouncement)}`;
  }

  #remove(view: TurnView): void {
    view.dispose();
    view.node.remove();
    this.#views.delete(view.turn);
  }

  #clear(): void {
    for (const view of this.#views.values()) view.dispose();
    this.#views.clear();
    this.#log.replaceChildren();
    this.#announcer.textContent = '';
    this.#changed();
  }
}
