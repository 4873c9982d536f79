/** Milliseconds since 1970 with microseconds behind the point: what processes of one machine tell each other. */
export const now = (): number => performance.timeOrigin + performance.now();

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The clock that V8's profiles tell their times by on Linux. */
export const monotonicMicros = (): number => Number(process.hrtime.bigint() / 1_000n);
