/** Distance from the end, in pixels, that still counts as being there. */
const nearEnd = 56;

/** Keeps the end of a growing content in view, but only for a reader who is at the end. */
export class ScrollFollow {
  readonly #scroller: HTMLElement;
  readonly #content: HTMLElement;
  readonly #button: HTMLButtonElement;
  #following = true;
  #lastTop = 0;

  constructor(scroller: HTMLElement, content: HTMLElement, button: HTMLButtonElement) {
    this.#scroller = scroller;
    this.#content = content;
    this.#button = button;
    scroller.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    button.addEventListener('click', () => {
      this.toEnd();
      scroller.focus({ preventScroll: true });
    });
    const observer = new ResizeObserver(() => this.#onGrowth());
    observer.observe(content);
    observer.observe(scroller);
  }

  toEnd(): void {
    this.#following = true;
    this.#onGrowth();
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const atEnd = scrollHeight - scrollTop - clientHeight < nearEnd;
    // content that grew between two frames moves the end away; only the reader moves up
    if (atEnd) this.#following = true;
    else if (scrollTop < this.#lastTop) this.#following = false;
    this.#lastTop = scrollTop;
    this.#button.hidden = this.#following;
  }

  #onGrowth(): void {
    if (this.#following) {
      // what an empty conversation offers is read from its top
      this.#scroller.scrollTop = this.#content.childElementCount === 0 ? 0 : this.#scroller.scrollHeight;
    }
    this.#lastTop = this.#scroller.scrollTop;
    this.#button.hidden = this.#following;
  }
}
