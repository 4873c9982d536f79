/** A command cannot go on; one sentence for the user. */
export class CommandError extends Error {
  /** 1: something failed; 2: the input was wrong. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
