import { byId, element, iconButton } from './dom.ts';
import { formatBytes } from './facts.ts';
import { type Picture, pictureElement, pictureTypes, readPicture } from './pictures.ts';

export interface AttachmentsOptions {
  /** Decoded bytes that the pictures of one message may have together. */
  maxBytes(): number;
  onChange(): void;
  /** One sentence on a file that was not taken; undefined when all were. */
  onProblem(words: string | undefined): void;
  /** The button with the focus is gone. */
  onLostFocus(): void;
}

/** The pictures that go with the message being written: picked, pasted or dropped. */
export class Attachments {
  readonly #options: AttachmentsOptions;
  readonly #list = byId('attachments', HTMLUListElement);
  readonly #picker = byId('picker', HTMLInputElement);
  #pictures: readonly Picture[] = [];

  constructor(options: AttachmentsOptions) {
    this.#options = options;
    this.#picker.accept = pictureTypes.join(',');
    this.#picker.addEventListener('change', () => {
      const files = [...(this.#picker.files ?? [])];
      // the same file may be picked again after it was removed
      this.#picker.value = '';
      void this.#add(files);
    });
    byId('attach', HTMLButtonElement).addEventListener('click', () => this.#picker.click());
    byId('composer', HTMLFormElement).addEventListener('paste', (event) => this.#onPaste(event));
    this.#watchDrops();
  }

  get pictures(): readonly Picture[] {
    return this.#pictures;
  }

  set pictures(pictures: readonly Picture[]) {
    if (pictures === this.#pictures) return;
    this.#pictures = pictures;
    this.#list.hidden = pictures.length === 0;
    this.#list.replaceChildren(...pictures.map((picture) => this.#thumbnail(picture)));
    this.#options.onChange();
  }

  #thumbnail(picture: Picture): HTMLLIElement {
    const { mediaType, data, name } = picture;
    const remove = iconButton('close', `Remove “${name}”`, () => this.#remove(picture));
    return element('li', {}, pictureElement(mediaType, data, name), remove);
  }

  #remove(picture: Picture): void {
    const at = this.#pictures.indexOf(picture);
    this.pictures = this.#pictures.filter((other) => other !== picture);
    const buttons = this.#list.querySelectorAll('button');
    const next = buttons[Math.min(at, buttons.length - 1)];
    if (next === undefined) this.#options.onLostFocus();
    else next.focus();
  }

  async #add(files: readonly File[]): Promise<void> {
    let problem: string | undefined;
    for (const file of files) problem = (await this.#addFile(file)) ?? problem;
    this.#options.onProblem(problem);
  }

  /** Answers why not. */
  async #addFile(file: File): Promise<string | undefined> {
    const picture = await readPicture(file).catch(() => undefined);
    if (picture === undefined) return `Not added: “${file.name}” is not a picture of type PNG, JPEG, WebP or GIF.`;
    const most = this.#options.maxBytes();
    const bytes = this.#pictures.reduce((sum, { data }) => sum + data.length, picture.data.length);
    if (bytes > most) {
      const [limit, sum] = [formatBytes(most, Math.floor), formatBytes(bytes, Math.ceil)];
      return `Not added: the pictures of a message may have ${limit} together, with “${file.name}” they would have ${sum}.`;
    }
    this.pictures = [...this.#pictures, picture];
    return undefined;
  }

  /** Programs put a picture of what was copied beside its text; then the text is meant. */
  #onPaste(event: ClipboardEvent): void {
    const { clipboardData } = event;
    if (clipboardData === null || clipboardData.files.length === 0 || clipboardData.types.includes('text/plain'))
      return;
    event.preventDefault();
    void this.#add([...clipboardData.files]);
  }

  /** Anywhere on the page: a file that misses the field would otherwise be opened in place of the conversation. */
  #watchDrops(): void {
    const { classList } = byId('composer', HTMLFormElement);
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
    document.addEventListener('dragover', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      classList.add('dropping');
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) classList.remove('dropping');
    });
    document.addEventListener('drop', (event) => {
      classList.remove('dropping');
      if (!hasFiles(event)) return;
      event.preventDefault();
      void this.#add([...event.dataTransfer!.files]);
    });
  }
}
