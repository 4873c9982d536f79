import { element } from './dom.ts';

/** A link to what an answer cites; undefined for an address that is not of the web: a model may write any. */
export function sourceLink(address: string, title: string | undefined): HTMLAnchorElement | undefined {
  if (!URL.canParse(address)) return undefined;
  const { href, protocol, hostname } = new URL(address);
  if (protocol !== 'https:' && protocol !== 'http:') return undefined;
  const name = title?.trim() || hostname;
  return element('a', { href, rel: 'noopener noreferrer nofollow', target: '_blank', title: href }, name);
}
