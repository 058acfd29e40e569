// The queue `message-batches`: one entry per wake-up, named after what is to be done, delayed until the batch is due. It wakes and
// shows; the rows decide. Every wake-up has an id of its own (`<batch>-<number>`), since an id the queue still knows is ignored
// without a word. All of them may be lost at any time: the sweep finds what is overdue and wakes it again.

import { errorFields } from "../../observe/error-fields.ts";
import type { Wake } from "../../postgres/message-batches.ts";
import type { QueueWorker } from "../../queue/backend.ts";
import { addJobs } from "../../queue/entries.ts";
import type { EntryQueue, Work } from "../../queue/entries.ts";
import { batchLaneBounds } from "./bounds.ts";
import type { BatchLaneDeps } from "./deps.ts";
import { createWakeRunner, entryNames } from "./run-wake.ts";
import type { WakeData } from "./run-wake.ts";

const wakeQueueName = "message-batches";

export interface WakeQueue {
  /** Begins to work on wake-ups. */
  start(): Promise<void>;
  /** Adds wake-ups; false if the queue cannot be reached: they will be overdue. */
  add(wakes: readonly { readonly wake: Wake; readonly inMs: number }[]): Promise<boolean>;
  /** Takes no further wake-up and waits for the steps in hand, so long; then downloads are left to the next process. */
  stop(graceMs: number): Promise<void>;
}

export function createWakeQueue(deps: BatchLaneDeps): WakeQueue {
  let worker: QueueWorker | undefined;
  const runner = createWakeRunner(deps);
  let queue: Promise<EntryQueue> | undefined;
  const opened = (): Promise<EntryQueue> => {
    queue ??= deps.queueBackend.createQueue(wakeQueueName).catch((error: unknown) => {
      queue = undefined;
      throw error;
    });
    return queue;
  };

  const add: WakeQueue["add"] = async (wakes) => {
    if (wakes.length === 0) return true;
    try {
      const entries = wakes.map(({ wake, inMs }) => ({
        name: entryNames[wake.state],
        id: `${wake.id}-${wake.wakeNo}`,
        data: { batchId: wake.id } satisfies WakeData,
        delayMs: inMs,
      }));
      await addJobs(await opened(), entries);
      return true;
    } catch (error) {
      deps.log.event("queue.connection_lost", { queue: wakeQueueName, ...errorFields(error) });
      return false;
    }
  };

  const work = async (wake: Work<WakeData>): Promise<unknown> => {
    const report = await runner.run(wake);
    if (report === null) return { skipped: true };
    if (report.next !== null) await add([report.next]);
    return report.batch === null
      ? { skipped: true }
      : { state: report.batch.state, next: report.next?.wake.state ?? null };
  };

  return {
    start: async () => {
      worker ??= await deps.queueBackend.createWorker<WakeData>(wakeQueueName, work, {
        concurrency: batchLaneBounds.wakesAtOnce,
      });
    },
    add,
    stop: async (graceMs) => {
      runner.stop();
      await worker?.close(graceMs);
    },
  };
}
