import { lookup as lookupSystem, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** IPv4 ranges that no public provider lives in (https://www.iana.org/assignments/iana-ipv4-special-registry/). */
const privateIpv4: readonly [network: string, prefix: number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // link-local, with the metadata services of the clouds
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  // multicast, reserved and broadcast
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

const privateIpv6: readonly [network: string, prefix: number][] = [
  ['::', 128],
  ['::1', 128],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

const privateAddresses = createPrivateAddresses();
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');

/** A connection that the address policy forbids. The message names the address: it is for the log alone. */
export class RefusedAddressError extends Error {
  readonly code = 'PARLEY_ADDRESS_REFUSED';

  constructor(hostname: string, addresses: readonly string[]) {
    const what = hostname === addresses[0] ? hostname : `${hostname} is ${addresses.join(', ') || 'no address'}, which`;
    super(`${what} lies in a private network; set allowPrivateNetwork for the upstream if that is meant.`);
    this.name = 'RefusedAddressError';
  }
}

/** Whether an address is not of the public internet: private, shared, link-local, loopback, multicast, unspecified. */
export function isPrivateAddress(address: string): boolean {
  const bare = address.split('%')[0]!;
  const family = isIP(bare);
  // what is no address is none that may be connected to
  return family === 0 || privateAddresses.check(bare, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Throws `RefusedAddressError` for a host that is itself such an address. Loopback that somebody wrote down is meant: it
 * is the model server beside the gateway.
 */
export function checkLiteralHost(hostname: string): void {
  const bare = hostname.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0 && isPrivateAddress(bare) && !isLoopback(bare)) throw new RefusedAddressError(bare, [bare]);
}

/**
 * A lookup that answers public addresses alone, so that the address which was checked is the one connected to. A name
 * that somebody else may point at the own network is no leave to go there; `localhost` is loopback by its own right.
 */
export function createPublicLookup(lookup: LookupFunction = lookupSystem): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null && error !== undefined) return callback(error, []);
      const all = found as unknown as LookupAddress[];
      const isGood = hostname.toLowerCase() === 'localhost' ? isLoopback : (ip: string) => !isPrivateAddress(ip);
      const good = all.filter(({ address }) => isGood(address));
      if (good.length === 0) {
        const addresses = all.map(({ address }) => address);
        return callback(new RefusedAddressError(hostname, addresses), []);
      }
      if (options.all === true) return callback(null, good);
      callback(null, good[0]!.address, good[0]!.family);
    });
  };
}

function isLoopback(address: string): boolean {
  const family = isIP(address);
  // the mapped form of 127.0.0.1 would pass for loopback, too; nobody writes that and means well
  if (family === 6) return address === '::1';
  return family === 4 && loopback.check(address, 'ipv4');
}

function createPrivateAddresses(): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of privateIpv6) list.addSubnet(network, prefix, 'ipv6');
  for (const [network, prefix] of privateIpv4) {
    // rules for IPv4 hold for the mapped form (::ffff:0:0/96), too
    list.addSubnet(network, prefix, 'ipv4');
    // IPv4-compatible, and what a translator between the families (RFC 6052) turns into that address
    list.addSubnet(`::${network}`, 96 + prefix, 'ipv6');
    list.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6');
    // 6to4 (RFC 3056) carries it behind its prefix
    const [a, b, c, d] = network.split('.').map(Number) as [number, number, number, number];
    list.addSubnet(`2002:${hex(a, b)}:${hex(c, d)}::`, 16 + prefix, 'ipv6');
  }
  return list;
}

function hex(high: number, low: number): string {
  return (high * 256 + low).toString(16);
}
