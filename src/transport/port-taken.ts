/** The one sentence of both transports for a port that somebody else has. */
export function portTaken(host: string, port: number, cause?: unknown): Error {
  return new Error(`Port ${port} on ${host} cannot be listened on; choose another with --port.`, { cause });
}
