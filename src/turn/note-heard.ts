import type { Session } from '../session/session.ts';
import type { TurnEnvironment } from './contract.ts';
import { answerTokens } from './settle-turn.ts';

/**
 * A voice client says after the end what of an answer was heard (speech is slower than generation): later windows hold
 * only that much. The log itself stays as it was.
 */
export async function noteHeard(
  environment: TurnEnvironment,
  session: Session,
  end: number,
  heard: number,
): Promise<void> {
  const { store } = environment;
  const [entry] = await store.readTail(session.key, end + 1, 1);
  const routed = entry?.events.find((event) => event.t === 'turn.routed');
  if (entry === undefined || routed === undefined) return;
  const tokens = environment.tokensFor(routed.model);
  await store.noteHeard(session.key, end, heard, answerTokens({ output: undefined, tokens }, entry.events, heard));
  environment.contextOf(session).forget();
}
