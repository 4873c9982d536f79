import type { ScriptedCall } from './scripted-upstream.ts';

/** The truth about a turn: what its upstream says, known from the turn's id alone. */
export const truthPieces = 40;

export function pieceOf(turn: string, i: number): string {
  return `${turn.slice(-4)}-${i} `;
}

export function truthOf(turn: string): string {
  return Array.from({ length: truthPieces }, (_, i) => pieceOf(turn, i)).join('');
}

/** An upstream's answer: the truth, a piece every `everyMs`. */
export function tellTruth(everyMs: number): (call: ScriptedCall) => void {
  return ({ request, sink, signal }) => {
    let i = 0;
    const timer = setInterval(() => {
      if (signal.aborted) return clearInterval(timer);
      if (i < truthPieces) return sink.onText(pieceOf(request.turn, i++));
      clearInterval(timer);
      sink.onEnd('stop', 'stop');
      sink.onClose();
    }, everyMs);
  };
}
