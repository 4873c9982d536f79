export interface RedisHost {
  host: string;
  port: number;
}

/** Where Redis is, as one string says it. */
export interface RedisAddress {
  kind: 'single' | 'sentinel' | 'cluster';
  tls: boolean;
  /** The server; the sentinels; nodes of the Cluster to begin with. */
  hosts: RedisHost[];
  username?: string | undefined;
  password?: string | undefined;
  database: number;
  /** What the sentinels call the master. */
  masterName?: string | undefined;
}

const schemes: Record<string, Pick<RedisAddress, 'kind' | 'tls'>> = {
  redis: { kind: 'single', tls: false },
  rediss: { kind: 'single', tls: true },
  'redis-sentinel': { kind: 'sentinel', tls: false },
  'rediss-sentinel': { kind: 'sentinel', tls: true },
  'redis-cluster': { kind: 'cluster', tls: false },
  'rediss-cluster': { kind: 'cluster', tls: true },
};

const defaultPorts = { single: 6379, sentinel: 26379, cluster: 6379 };

/**
 * Reads `redis://`, `redis-sentinel://…?name=…` and `redis-cluster://`, each also as `rediss…` for TLS, with several hosts
 * separated by commas where there are several. Throws an `Error` whose sentence has nothing of the address in it.
 */
export function parseRedisAddress(text: string): RedisAddress {
  const [, scheme = '', authority = '', path = '', query = ''] =
    /^([a-z-]+):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(text) ?? [];
  const form = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  if (form === undefined) {
    throw new Error(
      'it is “embedded” or an address of Redis: redis://host:port, redis-sentinel://host:port,…?name=master or redis-cluster://host:port,…, and rediss… for TLS',
    );
  }
  const at = authority.lastIndexOf('@');
  const hosts = authority.slice(at + 1).split(',');
  if (form.kind === 'single' && hosts.length > 1) {
    throw new Error(
      `${scheme}:// names one server; for several write ${scheme}-cluster:// or ${scheme}-sentinel://…?name=master`,
    );
  }
  return {
    ...form,
    hosts: hosts.map((host) => parseHost(host, defaultPorts[form.kind])),
    ...parseCredentials(at === -1 ? '' : authority.slice(0, at)),
    database: parseDatabase(path, form.kind),
    masterName: parseMasterName(query, form.kind),
  };
}

/** An address as it may be printed. */
export function withoutRedisPassword(text: string): string {
  return text.replace(/:\/\/.*@/s, '://secret@');
}

function parseHost(text: string, defaultPort: number): RedisHost {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s@]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) {
    throw new Error('each host of the address of Redis is host:port; an IPv6 address is in brackets');
  }
  const number = port === undefined ? defaultPort : Number(port);
  if (number < 1 || number > 65_535) throw new Error('a port of the address of Redis is from 1 to 65535');
  return { host, port: number };
}

function parseCredentials(text: string): Pick<RedisAddress, 'username' | 'password'> {
  if (text === '') return {};
  const colon = text.indexOf(':');
  const [username, password] = colon === -1 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  try {
    return {
      username: username === '' ? undefined : decodeURIComponent(username),
      password: password === '' ? undefined : decodeURIComponent(password),
    };
  } catch {
    throw new Error('user and password in the address of Redis are percent-encoded: write % as %25');
  }
}

function parseDatabase(text: string, kind: RedisAddress['kind']): number {
  if (text === '') return 0;
  if (!/^\d{1,4}$/.test(text))
    throw new Error('the path of the address of Redis is the number of a database, such as /0');
  if (kind === 'cluster' && Number(text) !== 0) throw new Error('a Redis Cluster has database 0 alone');
  return Number(text);
}

function parseMasterName(query: string, kind: RedisAddress['kind']): string | undefined {
  const parameters = new URLSearchParams(query);
  const name = parameters.get('name') ?? '';
  const others = [...parameters.keys()].filter((key) => key !== 'name' || kind !== 'sentinel');
  if (others.length > 0) {
    throw new Error(
      `the address of Redis takes no parameters${kind === 'sentinel' ? ' but name' : ''}; set the rest under “redis”`,
    );
  }
  if (kind === 'sentinel' && name === '') {
    throw new Error('the sentinels need the name of their master: add ?name=mymaster to the address');
  }
  return name === '' ? undefined : name;
}
