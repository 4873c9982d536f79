export { type CloseAction, type CloseReason, closeAction, closeCodes } from './close-codes.ts';
export { type Codec, codecFor, jsonCodec, msgpackCodec } from './codec.ts';
export { type DownFrame, downSchema, type EventFrame, eventSchema } from './down.ts';
export { type ErrorCode, errorCodes } from './error-codes.ts';
export type { Attach, Attached } from './frames/attach.ts';
export type {
  InputPart,
  OnBusy,
  Params,
  ResponseFormat,
  Settings,
  Timing,
  Tool,
  TurnInput,
  TurnStatus,
  Usage,
} from './frames/common.ts';
export type { Auth, Welcome } from './frames/hello.ts';
export type { FinishedTurn } from './frames/history.ts';
export type { ToolCall, ToolResult } from './frames/tool.ts';
export type {
  Delta,
  Source,
  TurnAccepted,
  TurnEnded,
  TurnFrame,
  TurnRestarted,
  TurnRouted,
  TurnState,
} from './frames/turn.ts';
export type { WindowMessage } from './frames/window.ts';
export { wireLimits } from './limits.ts';
export { frameType, parseDownFrame, parseUpFrame } from './parse-frame.ts';
export { ProtocolError } from './protocol-error.ts';
export { type UpFrame, upSchema } from './up.ts';
export { type Encoding, protocolVersion, socketPath, subprotocols } from './version.ts';
