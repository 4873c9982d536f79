/** Milliseconds since 1970 with microseconds behind the point: what processes of one machine tell each other. */
export const now = (): number => performance.timeOrigin + performance.now();

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
