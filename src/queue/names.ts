// What queues and entries may be called. BullMQ builds Redis keys with colons, takes whole numbers for ids of its own, and
// reports neither mistake before something has been written.

/** A queue's name: letters, digits, `-`, `_` and `.`. Names come from code, so a bad one is a bug. */
export function assertQueueName(name: string): void {
  if (!/^[A-Za-z0-9._-]{1,150}$/.test(name)) throw new TypeError(`not a queue name: ${JSON.stringify(name)}`);
}

/** An entry's id: the same letters, and not a whole number. */
export function assertEntryId(id: string): void {
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(id) || /^-?\d+$/.test(id)) {
    throw new TypeError(`not an entry id: ${JSON.stringify(id)}`);
  }
}
