/** What a model can be asked for; told from its name, for the API refuses what a model does not know. */
export interface ModelTraits {
  /** `adaptive`: the model chooses how much to think, and is told an effort; `budget`: it is told a number of tokens. */
  thinking: 'adaptive' | 'budget';
  /** Whether temperature and top_p are taken. */
  takesSampling: boolean;
  /** Whether it goes on with a last message of the assistant. */
  takesPrefill: boolean;
}

const versioned = /claude-(?:opus|sonnet|haiku|fable|mythos)-(\d+)(?:-(\d{1,2})(?!\d))?/;

/**
 * From 4.6 on, models think adaptively and refuse a prefill; from 4.7 on they refuse sampling parameters. Names that
 * are not known are taken for what the API was before.
 * Source: https://docs.anthropic.com/en/docs/about-claude/models/overview
 */
export function traitsOf(model: string): ModelTraits {
  const match = versioned.exec(model);
  const version = match === null ? (model.includes('claude-mythos') ? 500 : 0) : versionNumber(match);
  return {
    thinking: version >= 406 ? 'adaptive' : 'budget',
    takesSampling: version < 407,
    takesPrefill: version < 406,
  };
}

function versionNumber(match: RegExpExecArray): number {
  return Number(match[1]) * 100 + Number(match[2] ?? 0);
}
