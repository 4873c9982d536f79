import type { Settings, TurnInput } from '../../protocol/frames/common.ts';
import { createUlidMaker } from '../../src/lib/ulid.ts';
import {
  type Client,
  type ConnectionState,
  ParleyError,
  type SendInput,
  type Session,
  type Turn,
} from '../browser/index.ts';
import { Composer } from './composer.ts';
import { Conversation } from './conversation.ts';
import { askName, confirmDelete, editSettings } from './dialogs.ts';
import { byId, setText } from './dom.ts';
import { inputTitle, whenWords } from './facts.ts';
import { type SessionEntry, SessionIndex } from './session-index.ts';
import { SessionList } from './session-list.ts';
import { Sidebar } from './sidebar.ts';
import { showConnection, showNotice, showPresence, showWindow } from './status-bar.ts';
import { showSuggestions } from './suggestions.ts';

const sessionPattern = /^[A-Za-z0-9_-]{1,128}$/;
const newSessionId = createUlidMaker(() => Date.now());

/** The page: which conversation is open, and what the buttons around it do. */
export class Chat {
  readonly #client: Promise<Client>;
  #connected: Client | undefined;
  #session: Session | undefined;
  /** Names the latest request to open a conversation; an earlier one that answers late is dropped. */
  #opening = 0;
  /** Settings of a conversation that does not exist before its first message. */
  #newSettings: Settings = {};
  #unsubscribe: (() => void)[] = [];
  readonly #sidebar = new Sidebar();
  readonly #index = new SessionIndex(() => this.#showList());
  readonly #list = new SessionList({
    onRename: (entry) => void this.#rename(entry),
    onDelete: (entry) => void this.#delete(entry),
  });
  readonly #composer = new Composer({
    onSend: (input) => this.#send(input),
    onStop: () => this.#conversation.running?.stop(),
    onProblem: showNotice,
    limits: () => this.#connected?.welcome?.limits,
  });
  readonly #conversation = new Conversation({
    onChange: () => this.#showTurns(),
    onTurn: (turn) => this.#noteTurn(turn),
    onRefused: (input, error) => this.#takeBack(input, error),
    onAgain: (input) => void this.#send(input),
    onDeleted: () => this.#onDeleted(),
  });

  constructor(client: Promise<Client>) {
    this.#client = client;
  }

  start(): void {
    addEventListener('hashchange', () => void this.#openFromAddress());
    document.addEventListener('keydown', (event) => this.#onKey(event));
    // a link would change the fragment, which names the conversation
    byId('skip', HTMLButtonElement).addEventListener('click', () => this.#composer.focus());
    byId('new-chat', HTMLButtonElement).addEventListener('click', () => this.#startNew());
    byId('open-settings', HTMLButtonElement).addEventListener('click', () => this.#editSettings());
    byId('close-notice', HTMLButtonElement).addEventListener('click', () => {
      showNotice(undefined);
      this.#composer.focus();
    });
    this.#client.then(
      (connected) => this.#onConnected(connected),
      (error: unknown) => this.#onClosed(ParleyError.from(error)),
    );
    void this.#openFromAddress();
    // on a touch screen it would open the keyboard
    if (matchMedia('(hover: hover)').matches) this.#composer.focus();
  }

  #onConnected(client: Client): void {
    this.#connected = client;
    const onState = (state: ConnectionState): void => showConnection(state);
    onState(client.state);
    client.on('state', onState);
    client.on('error', (error) => (client.state === 'closed' ? this.#onClosed(error) : showNotice(error.message)));
    client.on('welcome', () => this.#showUpstream(client));
    this.#showUpstream(client);
  }

  #onClosed(error: ParleyError): void {
    showConnection('closed');
    showNotice(`The connection is closed: ${error.message} Reload the page to try again.`);
  }

  #showUpstream({ welcome }: Client): void {
    const isPractice = welcome?.upstream.wire === 'practice';
    byId('practice', HTMLElement).hidden = !isPractice;
    showSuggestions(isPractice, (text) => {
      this.#composer.text = text;
      this.#composer.focus();
    });
  }

  async #openFromAddress(): Promise<void> {
    const id = location.hash.slice(1);
    if (id !== '' && id === this.#session?.id) return this.#showList();
    const request = ++this.#opening;
    this.#sidebar.close();
    this.#leave();
    showNotice(undefined);
    this.#composer.openDraft(id === '' ? undefined : id);
    this.#showList();
    if (id === '') return this.#showTurns();
    try {
      if (!sessionPattern.test(id)) throw new ParleyError('session_not_found', 'The address names no conversation.');
      const session = await (await this.#client).session(id, undefined, { create: false });
      if (request === this.#opening) this.#follow(session);
    } catch (error) {
      if (request === this.#opening) this.#notFound(id, ParleyError.from(error));
    }
  }

  #notFound(id: string, error: ParleyError): void {
    if (error.code === 'session_not_found') {
      this.#index.remove(id);
      this.#startNew();
      showNotice('This conversation does not exist, or no longer.');
    } else if (error.code !== 'closed') {
      showNotice(`The conversation could not be opened: ${error.message}`);
    }
  }

  #follow(session: Session): void {
    this.#session = session;
    this.#conversation.open(session);
    showPresence(session.presence);
    this.#unsubscribe = [session.on('presence', showPresence)];
    this.#showList();
    this.#showTurns();
  }

  #leave(): void {
    const session = this.#session;
    this.#session = undefined;
    for (const stop of this.#unsubscribe.splice(0)) stop();
    this.#conversation.close();
    showPresence(undefined);
    // a message that still waits for a connection would be lost with the attachment
    const isSending = [...(session?.turns.values() ?? [])].some((turn) => turn.status === 'sending');
    if (!isSending) session?.detach();
  }

  #startNew(): void {
    this.#newSettings = {};
    this.#sidebar.close();
    // without a fragment, and without a reload
    if (location.hash !== '') history.pushState(undefined, '', location.pathname + location.search);
    void this.#openFromAddress();
    this.#composer.focus();
  }

  async #send(input: SendInput): Promise<boolean> {
    showNotice(undefined);
    try {
      const session = this.#session ?? (await this.#create());
      // the user went elsewhere meanwhile; the text is kept there as a draft
      if (session !== this.#session) return false;
      this.#conversation.show(session.send(input, { onBusy: 'queue' }));
      this.#conversation.toEnd();
      return true;
    } catch (error) {
      showNotice(`Not sent: ${ParleyError.from(error).message}`);
      return false;
    }
  }

  async #create(): Promise<Session> {
    const request = this.#opening;
    const session = await (await this.#client).session(newSessionId(), this.#newSettings);
    if (request !== this.#opening) return session;
    this.#follow(session);
    this.#composer.moveDraft(session.id);
    location.hash = session.id;
    return session;
  }

  /** Puts a refused message back into the field, unless another one is being written there. */
  #takeBack(input: TurnInput, error: ParleyError): boolean {
    showNotice(`Not sent: ${whenWords(error.message, error.retryAfterMs)}`);
    return this.#composer.takeBack(input);
  }

  #onDeleted(): void {
    const id = this.#session?.id;
    if (id === undefined) return;
    this.#index.remove(id);
    this.#startNew();
    showNotice('The conversation was deleted.');
  }

  async #rename(entry: SessionEntry): Promise<void> {
    const title = await askName(entry.title);
    if (title !== undefined) this.#index.rename(entry.id, title);
    this.#showList();
  }

  async #delete(entry: SessionEntry): Promise<void> {
    if (!(await confirmDelete(entry.title))) return;
    try {
      if (this.#connected?.state !== 'live') throw new ParleyError('connection_failed', 'There is no connection now.');
      const options = { create: false, replay: 'new' } as const;
      const session = await this.#connected.session(entry.id, undefined, options);
      await session.delete();
    } catch (cause) {
      const error = ParleyError.from(cause);
      if (error.code !== 'session_not_found') return showNotice(`Not deleted: ${error.message}`);
    }
    this.#index.remove(entry.id);
    this.#composer.focus();
  }

  #editSettings(): void {
    const session = this.#session;
    const model = this.#connected?.welcome?.upstream.model ?? '';
    editSettings(session?.settings ?? this.#newSettings, model, async (change) => {
      if (session === undefined) this.#newSettings = { ...this.#newSettings, ...change };
      else await session.update(change);
    });
  }

  #noteTurn(turn: Turn): void {
    if (this.#session !== undefined) this.#index.note(this.#session.id, inputTitle(turn.input), timeOf(turn.id));
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || event.isComposing || event.defaultPrevented) return;
    if (document.querySelector('dialog[open]') !== null || this.#sidebar.close()) return;
    this.#conversation.running?.stop();
  }

  #showTurns(): void {
    const { views, running } = this.#conversation;
    byId('empty', HTMLElement).hidden = views.length > 0 || location.hash !== '';
    this.#composer.busy = running !== undefined;
    byId('log', HTMLElement).setAttribute('aria-busy', String(running !== undefined));
    showWindow(views.findLast((view) => view.window !== undefined)?.window);
  }

  #showList(): void {
    this.#list.show(this.#index.list(), location.hash.slice(1) || undefined);
    const title = this.#index.find(location.hash.slice(1))?.title ?? 'New chat';
    setText(byId('title', HTMLElement), title);
    document.title = `${title} · Parley`;
  }
}

/** A turn id is a ULID: its first ten characters are the time at which it was made (https://github.com/ulid/spec). */
function timeOf(turn: string): number {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  return Array.from(turn.slice(0, 10)).reduce((ms, digit) => ms * 32 + alphabet.indexOf(digit), 0);
}
