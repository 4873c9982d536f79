import type { Auth } from '../../protocol/frames/hello.ts';
import { RawClient, type RawClientOptions } from './raw-client.ts';

/** Opens a socket and says hello with a credential; resolves when it is welcome. */
export async function connectWith(url: string, auth?: Auth, options: RawClientOptions = {}): Promise<RawClient> {
  const client = await RawClient.open(url, options);
  client.send({ t: 'hello', auth });
  await client.next('welcome');
  return client;
}

/** All that one learns who is not let in. */
export async function refusalOf(url: string, auth?: Auth, options: RawClientOptions = {}) {
  const client = await RawClient.open(url, options);
  client.send({ t: 'hello', auth });
  const { code, reason } = await client.closed;
  return { frames: client.frames, code, reason };
}
