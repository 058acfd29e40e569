// The queue `message-batches`: one entry per wake-up, named after what is to be done, delayed until the batch is due. It wakes and
// shows; the rows decide. Every wake-up has an id of its own (`<batch>-<number>`), since an id the queue still knows is ignored
// without a word. All of them may be lost at any time: the sweep finds what is overdue and wakes it again.

import type { MessageBatchState } from "../../domain/message-batch.ts";
import { errorFields } from "../../observe/error-fields.ts";
import { readProgress } from "../../postgres/message-batches.ts";
import type { Wake } from "../../postgres/message-batches.ts";
import type { QueueWorker } from "../../queue/backend.ts";
import { addJobs } from "../../queue/entries.ts";
import type { Entry, EntryQueue, Work } from "../../queue/entries.ts";
import { batchLaneBounds } from "./bounds.ts";
import type { BatchLaneDeps } from "./deps.ts";
import { runStep } from "./steps.ts";

const wakeQueueName = "message-batches";

interface WakeData {
  readonly batchId: string;
}

const entryNames: Record<MessageBatchState, string> = {
  intent: "submit",
  creating: "resolve",
  doubtful: "resolve",
  created: "poll",
  ended: "ingest",
  ingested: "none",
  refused: "none",
  void: "none",
};

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

  const work = async ({ entry, signal }: Work<WakeData>): Promise<unknown> => {
    const { batchId } = entry.data;
    const ticker = setInterval(
      () => void showProgress(entry, batchId, deps),
      batchLaneBounds.progressEveryMs,
    );
    try {
      const { batch, next } = await runStep(batchId, deps, signal);
      await showProgress(entry, batchId, deps);
      if (next !== null) await add([next]);
      return batch === null ? { skipped: true } : { state: batch.state, next: next?.wake.state ?? null };
    } finally {
      clearInterval(ticker);
    }
  };

  return {
    start: async () => {
      worker ??= await deps.queueBackend.createWorker<WakeData>(wakeQueueName, work, {
        concurrency: batchLaneBounds.stepsAtOnce,
      });
    },
    add,
    stop: async (graceMs) => worker?.close(graceMs),
  };
}

/** Shown by the board; worth nothing else, so that failing to show it is no failure. */
async function showProgress(entry: Entry<WakeData>, batchId: string, { pool }: BatchLaneDeps): Promise<void> {
  try {
    const row = await readProgress(pool, batchId);
    if (row === undefined) return;
    await entry.updateProgress({
      processing: row.count_processing,
      succeeded: row.count_succeeded,
      errored: row.count_errored,
      canceled: row.count_canceled,
      expired: row.count_expired,
      total: row.line_count,
      ingested: row.ingested_lines,
    });
  } catch {
    // The next look shows it.
  }
}
