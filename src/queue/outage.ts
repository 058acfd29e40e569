// oxlint-disable no-await-in-loop -- one probe after the other
// One line when the queue backend is lost and one when it is back, however many errors its connections make in between:
// every queue, worker and listener repeats them several times a second.
import { setTimeout as delay } from "node:timers/promises";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";
import { queueLimits } from "./limits.ts";

interface OutageOptions {
  readonly log: Log;
  /** Resolves when the backend answers. */
  readonly probe: () => Promise<unknown>;
}

export interface OutageWatch {
  /** The `error` listener of everything that has connections. */
  readonly report: (error: unknown) => void;
  stop(): void;
}

/** Watches for outages: logs the first error, then at most one line per interval, and the return. */
export function watchOutages({ log, probe }: OutageOptions): OutageWatch {
  const stopping = new AbortController();
  let lost = false;
  let errors = 0;
  let loggedAt = 0;

  const waitForReturn = async (): Promise<void> => {
    try {
      while (lost) {
        await delay(queueLimits.probeEveryMs, undefined, { signal: stopping.signal, ref: false });
        lost = await probe().then(
          () => false,
          () => true,
        );
      }
      log.event("queue.connection_restored", { errors });
      errors = 0;
    } catch {
      // Stopped while the backend was away.
    }
  };

  const report = (error: unknown): void => {
    if (stopping.signal.aborted) return;
    errors += 1;
    const now = performance.now();
    if (!lost || now - loggedAt >= queueLimits.errorLogEveryMs) {
      loggedAt = now;
      log.event("queue.connection_lost", { ...errorFields(error), errors });
    }
    if (lost) return;
    lost = true;
    void waitForReturn();
  };
  return { report, stop: () => stopping.abort() };
}
