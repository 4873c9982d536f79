import type { Encoding } from '../../protocol/version.ts';
import { subprotocols } from '../../protocol/version.ts';
import type { TransportOptions } from './contract.ts';

export interface UpgradeRequest {
  path: string;
  /** The address a client comes from. */
  address: string;
  origin: string | undefined;
  host: string | undefined;
  /** Value of Sec-WebSocket-Protocol. */
  protocols: string;
}

export type Admission =
  | { admitted: true; encoding: Encoding; subprotocol: string | undefined; ticket: string | undefined }
  | { admitted: false; status: number; reason: string };

/** Decides upgrades and counts sockets, alike for every transport. */
export class SocketAdmission {
  readonly #options: TransportOptions;
  readonly #perAddress = new Map<string, number>();
  #total = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  decide(request: UpgradeRequest, expectedPath: string): Admission {
    const { limits, isOriginAllowed, onRefused } = this.#options;
    if (request.path !== expectedPath) {
      onRefused('path');
      return { admitted: false, status: 404, reason: `WebSockets are at ${expectedPath}.` };
    }
    if (request.origin !== undefined && request.origin !== '' && !isOriginAllowed(request.origin, request.host)) {
      onRefused('origin');
      return { admitted: false, status: 403, reason: 'This origin may not connect; the operator can allow it.' };
    }
    if (this.#total >= limits.maxSockets) {
      onRefused('sockets');
      return { admitted: false, status: 503, reason: 'The gateway has all the sockets it takes; try again later.' };
    }
    if ((this.#perAddress.get(request.address) ?? 0) >= limits.maxSocketsPerAddress) {
      onRefused('address');
      return { admitted: false, status: 429, reason: 'There are too many sockets from this address.' };
    }
    const offered = request.protocols.split(',').map((entry) => entry.trim());
    const ticket = offered.find((entry) => entry.startsWith('ticket.'))?.slice('ticket.'.length);
    const names = offered.filter((entry) => entry !== '' && !entry.startsWith('ticket.'));
    const chosen = names.find((name) => name === subprotocols.msgpack || name === subprotocols.json);
    if (chosen === undefined && names.length > 0) {
      return { admitted: false, status: 400, reason: `Offer ${subprotocols.msgpack} or ${subprotocols.json}.` };
    }
    return {
      admitted: true,
      encoding: chosen === subprotocols.msgpack ? 'msgpack' : 'json',
      subprotocol: chosen,
      ticket,
    };
  }

  opened(address: string): void {
    this.#total++;
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
  }

  closed(address: string): void {
    this.#total--;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left <= 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }
}
