const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a gateway that listens on this host can be reached from its own machine alone. */
export function isLoopback(listenHost: string): boolean {
  return loopbackNames.has(listenHost) || listenHost === '::1';
}

/**
 * Whether a page of `origin` may open a socket: its own pages, and those the operator lists. A gateway that listens on
 * loopback takes only loopback names for its own, so that a page elsewhere cannot reach it by a name it points here.
 */
export function createOriginPolicy(
  listenHost: string,
  allowed: readonly string[],
): (origin: string, host: string | undefined) => boolean {
  const listed = new Set(allowed.map((origin) => origin.toLowerCase().replace(/\/$/, '')));
  const onLoopback = isLoopback(listenHost);
  return (origin, host) => {
    if (listed.has('*') || listed.has(origin.toLowerCase())) return true;
    if (host === undefined || !URL.canParse(origin)) return false;
    const page = new URL(origin);
    if (page.host !== host.toLowerCase()) return false;
    return !onLoopback || loopbackNames.has(page.hostname);
  };
}
