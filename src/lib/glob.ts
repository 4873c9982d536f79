/** Texts of which a pattern is like; `*` in a pattern stands for anything, also for nothing. */
export function isLikeAny(patterns: string | readonly string[]): (text: string) => boolean {
  const tests = (typeof patterns === 'string' ? [patterns] : patterns).map((pattern) => {
    const literals = pattern.split('*').map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
    return new RegExp(`^${literals.join('.*')}$`, 'su');
  });
  return (text) => tests.some((test) => test.test(text));
}
