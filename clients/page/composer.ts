import type { TurnInput } from '../../protocol/frames/common.ts';
import type { Welcome } from '../../protocol/frames/hello.ts';
import type { SendInput } from '../browser/index.ts';
import { Attachments } from './attachments.ts';
import { byId, setText } from './dom.ts';
import { inputText } from './facts.ts';
import { inputOf, type Picture, picturesOf } from './pictures.ts';

export interface ComposerOptions {
  /** Whether the message is on its way; otherwise it stays in the field. */
  onSend(input: SendInput): Promise<boolean>;
  onStop(): void;
  /** Something cannot be added to the message; undefined: no longer. */
  onProblem(words: string | undefined): void;
  /** What the gateway takes, as far as that is known. */
  limits(): Welcome['limits'] | undefined;
}

/** Largest height of the field, in pixels, before it scrolls. */
const tallest = 220;

/** What a message needs beside its pictures and its text, bytes, generously. */
const frameBytes = 2_048;

/** The message field with its buttons and pictures. */
export class Composer {
  readonly #options: ComposerOptions;
  readonly #input = byId('input', HTMLTextAreaElement);
  readonly #send = byId('send', HTMLButtonElement);
  readonly #stop = byId('stop', HTMLButtonElement);
  readonly #words = byId('send-words', HTMLElement);
  readonly #attachments: Attachments;
  /** Pictures of messages that were begun in other conversations; unlike the text they do not outlive the page. */
  readonly #begun = new Map<string, readonly Picture[]>();
  #sending = false;
  /** What is being sent was refused before it left the field. */
  #stays = false;
  #draftKey = draftKey(undefined);

  constructor(options: ComposerOptions) {
    this.#options = options;
    this.#attachments = new Attachments({
      maxBytes: () => this.#mostMediaBytes,
      onChange: () => this.#changed(),
      onProblem: (words) => {
        options.onProblem(words);
        // on a touch screen it would open the keyboard
        if (matchMedia('(hover: hover)').matches) this.focus();
      },
      onLostFocus: () => this.focus(),
    });
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
    this.#begun.set(this.#draftKey, this.#attachments.pictures);
    this.#draftKey = draftKey(session);
    // the text first: every change writes it down under the key
    this.text = sessionStorage.getItem(this.#draftKey) ?? '';
    this.#attachments.pictures = this.#begun.get(this.#draftKey) ?? [];
    this.#begun.delete(this.#draftKey);
  }

  /** The conversation being written to has got a name. */
  moveDraft(session: string): void {
    sessionStorage.removeItem(this.#draftKey);
    this.#draftKey = draftKey(session);
  }

  /** Puts a message that was not sent back; false where another one is being written. */
  takeBack(input: TurnInput): boolean {
    const text = inputText(input);
    if (this.#sending && this.#input.value.trim() === text.trim()) {
      this.#stays = true;
      return true;
    }
    if (!this.#isEmpty) return false;
    this.#attachments.pictures = picturesOf(input);
    this.text = text;
    return true;
  }

  get #isEmpty(): boolean {
    return this.#input.value.trim() === '' && this.#attachments.pictures.length === 0;
  }

  get #mostMediaBytes(): number {
    const { maxMediaBytes, maxMessageBytes } = this.#options.limits() ?? {};
    return Math.min(maxMediaBytes ?? Infinity, Math.max(0, (maxMessageBytes ?? Infinity) - frameBytes));
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
    const { pictures } = this.#attachments;
    if (this.#sending || this.#isEmpty) return;
    this.#sending = true;
    this.#stays = false;
    this.#changed();
    try {
      const sent = await this.#options.onSend(inputOf(text, pictures));
      if (!sent || this.#stays) return;
      if (this.#input.value === text) this.text = '';
      // others may have been added meanwhile
      this.#attachments.pictures = this.#attachments.pictures.filter((picture) => !pictures.includes(picture));
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
    this.#send.disabled = this.#sending || this.#isEmpty;
    input.style.height = 'auto';
    input.style.height = `${Math.min(input.scrollHeight, tallest)}px`;
    if (input.value === '') sessionStorage.removeItem(this.#draftKey);
    else sessionStorage.setItem(this.#draftKey, input.value);
  }
}

function draftKey(session: string | undefined): string {
  return `parley.draft.${session ?? 'new'}`;
}
