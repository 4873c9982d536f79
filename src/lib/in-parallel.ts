/**
 * Runs `action` for every item, at most `limit` at a time, and answers the results in the order of the items. After a
 * failure no further one is begun, and it rejects with the first when nothing is under way any more.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  limit: number,
  action: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = Array.from({ length: items.length });
  let next = 0;
  let hasFailed = false;
  async function work(): Promise<void> {
    while (next < items.length && !hasFailed) {
      const i = next++;
      try {
        results[i] = await action(items[i]!);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  }
  const workers = Array.from({ length: Math.min(limit, items.length) }, work);
  await Promise.allSettled(workers);
  await Promise.all(workers);
  return results;
}
