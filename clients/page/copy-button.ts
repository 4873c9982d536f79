import { element, icon } from './dom.ts';

/** Milliseconds for which the button says that it worked. */
const confirmationMs = 1_600;

/** A button that copies what `read` gives at the moment of the click. */
export function copyButton(label: string, read: () => string): HTMLButtonElement {
  const words = element('span', {}, label);
  const button = element('button', { type: 'button', class: 'quiet-button' }, icon('copy'), words);
  let timer: ReturnType<typeof setTimeout> | undefined;
  button.addEventListener('click', () => {
    void copyText(read()).then((copied) => {
      words.textContent = copied ? 'Copied' : 'Not copied';
      button.replaceChildren(icon(copied ? 'check' : 'copy'), words);
      clearTimeout(timer);
      timer = setTimeout(() => {
        words.textContent = label;
        button.replaceChildren(icon('copy'), words);
      }, confirmationMs);
    });
  });
  return button;
}

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** The clipboard API is missing on plain HTTP addresses other than localhost. */
function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const area = element('textarea', { class: 'visually-hidden', 'aria-hidden': 'true', tabindex: '-1' });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
