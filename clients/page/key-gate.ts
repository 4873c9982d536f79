import { type Client, connect, ParleyError } from '../browser/index.ts';
import { askKey } from './dialogs.ts';

const storageKey = 'parley.key';

/** Connects; where the gateway lets nobody in without one, with a key that the user gives. */
export async function connectWithKey(): Promise<Client> {
  let key = sessionStorage.getItem(storageKey) ?? undefined;
  for (;;) {
    try {
      return await connect('/', {
        client: { name: 'parley-page' },
        attempts: Number.POSITIVE_INFINITY,
        auth: key === undefined ? undefined : { key },
      });
    } catch (cause) {
      const error = ParleyError.from(cause);
      if (error.code !== 'unauthorized') throw error;
      // one that is refused is of no use later either
      sessionStorage.removeItem(storageKey);
      const given = await askKey(key !== undefined);
      if (given === undefined) throw error;
      key = given.key;
      // of this tab alone, and gone with it; other storage outlives the user
      if (given.isRemembered) sessionStorage.setItem(storageKey, key);
    }
  }
}
