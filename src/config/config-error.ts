/** The configuration cannot be used; each problem is one sentence that says where and what to do. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  /** Where each of them is in the configuration, as far as that is known. */
  readonly paths: readonly (readonly PropertyKey[])[];

  constructor(problems: readonly string[], paths: readonly (readonly PropertyKey[])[] = []) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
    this.paths = paths;
  }
}
