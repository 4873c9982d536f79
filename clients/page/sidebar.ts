import { byId } from './dom.ts';

/** On narrow screens the list of conversations is a drawer over the conversation. */
export class Sidebar {
  readonly #app = byId('app', HTMLElement);
  readonly #stage = byId('stage', HTMLElement);
  readonly #backdrop = byId('backdrop', HTMLElement);
  readonly #opener = byId('open-sidebar', HTMLButtonElement);
  readonly #closer = byId('close-sidebar', HTMLButtonElement);

  constructor() {
    this.#opener.addEventListener('click', () => this.#set(true));
    this.#closer.addEventListener('click', () => this.close());
    this.#backdrop.addEventListener('click', () => this.close());
    // a window made wide has no drawer
    matchMedia('(min-width: 761px)').addEventListener('change', () => this.#set(false));
  }

  /** False where it was not open. */
  close(): boolean {
    if (!this.#app.classList.contains('drawer-open')) return false;
    this.#set(false);
    this.#opener.focus();
    return true;
  }

  #set(open: boolean): void {
    this.#app.classList.toggle('drawer-open', open);
    this.#stage.inert = open;
    this.#backdrop.hidden = !open;
    this.#opener.setAttribute('aria-expanded', String(open));
    if (open) this.#closer.focus();
  }
}
