import { byId, setText } from './dom.ts';

export interface ComposerOptions {
  /** Whether the text is on its way; otherwise it stays in the field. */
  onSend(text: string): Promise<boolean>;
  onStop(): void;
}

/** Largest height of the field, in pixels, before it scrolls. */
const tallest = 220;

/** The message field with its buttons. */
export class Composer {
  readonly #options: ComposerOptions;
  readonly #input = byId('input', HTMLTextAreaElement);
  readonly #send = byId('send', HTMLButtonElement);
  readonly #stop = byId('stop', HTMLButtonElement);
  readonly #words = byId('send-words', HTMLElement);
  #sending = false;
  #draftKey = draftKey(undefined);

  constructor(options: ComposerOptions) {
    this.#options = options;
    byId('composer', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#input.addEventListener('input', () => this.#changed());
    this.#input.addEventListener('keydown', (event) => this.#onKey(event));
    this.#stop.addEventListener('click', () => {
      options.onStop();
      this.#input.focus();
    });
    this.#changed();
  }

  get text(): string {
    return this.#input.value;
  }

  /** Puts a text into the field, as if it had been typed. */
  set text(text: string) {
    this.#input.value = text;
    this.#changed();
  }

  focus(): void {
    this.#input.focus();
  }

  /** Each conversation has a draft of its own, which a reload keeps. */
  openDraft(session: string | undefined): void {
    this.#draftKey = draftKey(session);
    this.text = sessionStorage.getItem(this.#draftKey) ?? '';
  }

  /** The conversation being written to has got a name. */
  moveDraft(session: string): void {
    sessionStorage.removeItem(this.#draftKey);
    this.#draftKey = draftKey(session);
  }

  /** Whether a turn runs, so that it can be stopped and a further message waits. */
  set busy(busy: boolean) {
    // focus must not be lost with the button that had it
    if (!busy && document.activeElement === this.#stop) this.#input.focus();
    this.#stop.hidden = !busy;
    setText(this.#words, busy ? 'Queue' : 'Send');
  }

  async #submit(): Promise<void> {
    const text = this.#input.value;
    if (this.#sending || text.trim() === '') return;
    this.#sending = true;
    this.#changed();
    try {
      const sent = await this.#options.onSend(text);
      if (sent && this.#input.value === text) this.text = '';
    } finally {
      this.#sending = false;
      this.#changed();
    }
  }

  #onKey(event: KeyboardEvent): void {
    // Enter that picks a word of an input method belongs to that; 229 is what Safari says of it
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    // on a touch screen there is no other way to begin a line
    if (!event.ctrlKey && !event.metaKey && matchMedia('(hover: none) and (pointer: coarse)').matches) return;
    event.preventDefault();
    void this.#submit();
  }

  #changed(): void {
    const input = this.#input;
    this.#send.disabled = this.#sending || input.value.trim() === '';
    input.style.height = 'auto';
    input.style.height = `${Math.min(input.scrollHeight, tallest)}px`;
    if (input.value === '') sessionStorage.removeItem(this.#draftKey);
    else sessionStorage.setItem(this.#draftKey, input.value);
  }
}

function draftKey(session: string | undefined): string {
  return `parley.draft.${session ?? 'new'}`;
}
