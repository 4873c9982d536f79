/** Whatever holds messages back until `sendHeld`. */
interface Holder {
  sendHeld(): void;
}

let holders: Holder[] | undefined;

/** Runs `action`, in which many sessions may write to many sockets; what one socket gets of it goes in as few system calls as possible. */
export function sendTogether(action: () => void): void {
  if (holders !== undefined) return action();
  const own: Holder[] = [];
  holders = own;
  try {
    action();
  } finally {
    holders = undefined;
    for (const holder of own) holder.sendHeld();
  }
}

/** Whether messages are held back now; the holder is called when that is over. */
export function holdsBack(holder: Holder, isKnown: boolean): boolean {
  if (holders === undefined) return false;
  if (!isKnown) holders.push(holder);
  return true;
}
