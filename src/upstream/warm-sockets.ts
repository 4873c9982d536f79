import type { Socket } from 'node:net';
import { type Clock, systemClock, type Timer } from '../lib/clock.ts';

export interface WarmSocketsOptions {
  /** How many connections are to be open, in use or not. */
  count: number;
  /** One that nobody used for this long is exchanged, milliseconds: providers hang up on silent ones. */
  maxIdleMs: number;
  open(callback: (error: Error | null, socket?: Socket | null) => void): Socket | undefined;
  clock?: Clock | undefined;
}

export interface WarmSockets {
  /** Opens what is missing, now and whenever connections were closed. A failure is told and tried again later. */
  start(onFailure: (error: Error) => void): void;
  /** A connection that is ready, which from now on is the caller's. */
  take(): Socket | undefined;
  /** Counts a connection that was opened elsewhere among those that are open. */
  count(socket: Socket): void;
  close(): void;
}

const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/** Connections that are made before somebody needs one: handshakes done, nothing sent. */
export function createWarmSockets(options: WarmSocketsOptions): WarmSockets {
  const { count, maxIdleMs, open, clock = systemClock } = options;
  const idle = new Map<Socket, { timer: Timer; drop: () => void }>();
  const connecting = new Set<Socket>();
  const used = new Set<Socket>();
  let report: ((error: Error) => void) | undefined;
  let pauseMs = firstPauseMs;
  let retry: Timer | undefined;

  function fill(): void {
    if (report === undefined || retry !== undefined) return;
    for (let missing = count - idle.size - connecting.size - used.size; missing > 0; missing -= 1) add();
  }

  function add(): void {
    let isDone = false;
    let socket: Socket | undefined;
    socket = open((error, connected) => {
      isDone = true;
      if (socket !== undefined) connecting.delete(socket);
      if (connected) keep(connected);
      else fail(error ?? new Error('No connection was made.'));
    });
    if (socket !== undefined && !isDone) connecting.add(socket);
  }

  function keep(socket: Socket): void {
    if (report === undefined) {
      socket.destroy();
      return;
    }
    const drop = (): void => void socket.destroy();
    const expire = (): void => {
      pauseMs = firstPauseMs;
      drop();
    };
    // a silent connection keeps no process alive
    socket.unref();
    socket.on('error', drop).on('end', drop);
    idle.set(socket, { timer: clock.setTimer(expire, maxIdleMs), drop });
    socket.once('close', () => {
      idle.get(socket)?.timer.cancel();
      if (idle.delete(socket)) later();
    });
  }

  function fail(error: Error): void {
    report?.(error);
    later();
  }

  /** Not at once: a provider that hangs up at once would be called without end. */
  function later(): void {
    if (report === undefined || retry !== undefined) return;
    retry = clock.setTimer(() => {
      retry = undefined;
      fill();
    }, pauseMs);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }

  return {
    start(onFailure) {
      report ??= onFailure;
      fill();
    },
    take() {
      for (const [socket, { timer, drop }] of idle) {
        timer.cancel();
        idle.delete(socket);
        pauseMs = firstPauseMs;
        // bytes nobody asked for: not a connection to talk on
        if (socket.destroyed || !socket.writable || socket.readableLength > 0) {
          socket.destroy();
          continue;
        }
        socket.off('end', drop).off('error', drop);
        socket.ref();
        return socket;
      }
      return undefined;
    },
    count(socket) {
      if (count === 0) return;
      used.add(socket);
      socket.once('close', () => {
        used.delete(socket);
        later();
      });
    },
    close() {
      report = undefined;
      retry?.cancel();
      for (const socket of [...idle.keys(), ...connecting]) socket.destroy();
    },
  };
}
