import type { DownFrame } from '../../protocol/down.ts';
import type { TurnFrame } from '../../protocol/frames/turn.ts';
import type { LogEvent } from '../session/log-event.ts';
import type { SessionKey, TurnRecord } from '../store/contract.ts';

/** What a node asks of the node that runs a session's turn. */
export type NodeRequest =
  | { method: 'submit'; frame: TurnFrame; who: TurnRecord['who'] }
  | { method: 'beginningOf'; turn: string }
  | { method: 'cancel'; turn: string; reason?: string | undefined; heard?: number | undefined }
  | { method: 'toolResult'; turn: string; call: string; output?: unknown; error?: string | undefined };

/** Messages between nodes, JSON. Any of them may be lost: positions show a gap, and a request without an answer fails. */
export type NodeMessage = { from: string } & (
  | ({ kind: 'follow'; cursor: number } & SessionKey)
  | ({ kind: 'unfollow' } & SessionKey)
  /** `epoch`: positions of another one say nothing. */
  | ({ kind: 'events'; epoch: string; events: LogEvent[] } & SessionKey)
  | ({ kind: 'frame'; frame: DownFrame } & SessionKey)
  /** The session changed in the store: look there. */
  | ({ kind: 'changed' } & SessionKey)
  | ({ kind: 'deleted' } & SessionKey)
  /** Sockets of the sender began or ceased to follow. */
  | ({ kind: 'presence' } & SessionKey)
  /** A node was buried; its sockets follow nothing any more. */
  | { kind: 'buried' }
  /** The sender stopped and may have left turns to others. */
  | { kind: 'left' }
  | ({ kind: 'request'; id: number; request: NodeRequest } & SessionKey)
  | { kind: 'response'; id: number; result: unknown }
  | { kind: 'failure'; id: number; code: string; message: string }
);
