import type { Settings } from '../../protocol/frames/common.ts';
import { byId } from './dom.ts';

/** Opens a dialog and answers the value of the button that closed it; Escape is `cancel`. */
function ask(dialog: HTMLDialogElement): Promise<string> {
  // no submit button, or Enter in a field would mean it
  dialog.querySelector<HTMLButtonElement>('.plain-button')!.onclick = () => dialog.close('cancel');
  dialog.returnValue = 'cancel';
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue), { once: true }));
}

/** A new name, or undefined when the user thought better of it. */
export async function askName(current: string): Promise<string | undefined> {
  const input = byId('rename-input', HTMLInputElement);
  input.value = current;
  const dialog = byId('rename-dialog', HTMLDialogElement);
  const closed = ask(dialog);
  input.select();
  const name = (await closed) === 'save' ? input.value.trim() : '';
  return name === '' ? undefined : name;
}

export async function confirmDelete(title: string): Promise<boolean> {
  byId('delete-words', HTMLElement).textContent =
    `“${title}” is erased on the gateway, for everybody who follows it. An answer that is being written stops. This cannot be undone.`;
  return (await ask(byId('delete-dialog', HTMLDialogElement))) === 'delete';
}

/** A key for the gateway, or undefined when the user gives none. */
export async function askKey(wasRefused: boolean): Promise<{ key: string; isRemembered: boolean } | undefined> {
  const input = byId('key-input', HTMLInputElement);
  const fault = byId('key-error', HTMLElement);
  fault.hidden = true;
  const closed = ask(byId('key-dialog', HTMLDialogElement));
  // shown when the dialog is, or it would not be spoken
  fault.hidden = !wasRefused;
  input.setAttribute('aria-invalid', String(wasRefused));
  input.focus();
  const isGiven = (await closed) === 'connect';
  const key = input.value.trim();
  input.value = '';
  return isGiven && key !== '' ? { key, isRemembered: byId('key-remember', HTMLInputElement).checked } : undefined;
}

/** Shows the settings and saves what the user changes; a refusal is shown in the dialog, with everything kept. */
export function editSettings(
  settings: Settings,
  defaultModel: string,
  save: (change: Settings) => Promise<void>,
): void {
  const dialog = byId('settings-dialog', HTMLDialogElement);
  const form = byId('settings-form', HTMLFormElement);
  const system = byId('setting-system', HTMLTextAreaElement);
  const model = byId('setting-model', HTMLInputElement);
  const maxTokens = byId('setting-window', HTMLInputElement);
  const fault = byId('settings-error', HTMLElement);
  system.value = settings.system ?? '';
  model.value = settings.model ?? '';
  model.placeholder = defaultModel;
  maxTokens.value = settings.window?.maxTokens === undefined ? '' : String(settings.window.maxTokens);
  fault.hidden = true;

  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    const change: Settings = {
      system: system.value.trim() === '' ? null : system.value,
      model: model.value.trim() || null,
      window: windowOf(settings, maxTokens.value),
    };
    save(change).then(
      () => dialog.close('save'),
      (error: unknown) => {
        fault.textContent = `Not saved: ${error instanceof Error ? error.message : String(error)}`;
        fault.hidden = false;
      },
    );
  };
  form.addEventListener('submit', onSubmit);
  void ask(dialog).then(() => form.removeEventListener('submit', onSubmit));
}

function windowOf(settings: Settings, typed: string): Settings['window'] {
  const { maxTokens: _before, ...rest } = settings.window ?? {};
  const window = typed === '' ? rest : { ...rest, maxTokens: Number(typed) };
  return Object.keys(window).length === 0 ? null : window;
}
