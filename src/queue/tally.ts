// Waiting for an end, but not for ever: what a close needs.
import { setTimeout as delay } from "node:timers/promises";

/** How many are in. */
export interface Tally {
  enter(): void;
  leave(): void;
  /** Resolves when nobody is in. */
  empty(): Promise<void>;
}

export function createTally(): Tally {
  let count = 0;
  let waiting: (() => void)[] = [];
  return {
    enter: () => {
      count += 1;
    },
    leave: () => {
      count -= 1;
      if (count > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    empty: () => (count === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))),
  };
}

/** True when the work ended in time, well or not. */
export async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const ended = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([ended, delay(ms, false, { signal: timer.signal, ref: false })]);
  } finally {
    timer.abort();
  }
}
