// oxlint-disable no-await-in-loop -- one look after the other
// Waiting in tests: for a condition, with a deadline, and never for a fixed time.
import { setTimeout as delay } from "node:timers/promises";

interface WaitOptions {
  /** How long the condition may take before the test fails. */
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/**
 * Resolves with the first truthy value of `condition`. A condition that throws is not met yet; its error becomes the cause
 * when time runs out. `what` completes "waited 10000 ms for …".
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 20 }: WaitOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause });
    await delay(everyMs);
  }
}
