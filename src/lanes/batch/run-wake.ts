// What a wake-up does: it takes the step that is due, if it gets a place for it.
//
// Uploads and downloads have few places, each kind its own: a provider that accepts creates and does not answer must not keep
// results from being fetched, and neither may keep anybody from polling. One that waits for its place has not taken its step yet,
// so another process may take it first.

import type { MessageBatchState } from "../../domain/message-batch.ts";
import { readProgress } from "../../postgres/message-batches.ts";
import type { Entry, Work } from "../../queue/entries.ts";
import { batchLaneBounds } from "./bounds.ts";
import type { BatchLaneDeps } from "./deps.ts";
import { createPlaces } from "../places.ts";
import type { Places } from "../places.ts";
import { runStep } from "./steps.ts";
import type { StepReport } from "./steps.ts";

/** What an entry of the queue carries. */
export interface WakeData {
  readonly batchId: string;
}

/** What an entry is called, after what is to be done. */
export const entryNames: Record<MessageBatchState, string> = {
  intent: "submit",
  creating: "resolve",
  doubtful: "resolve",
  created: "poll",
  ended: "ingest",
  ingested: "none",
  refused: "none",
  void: "none",
};

export interface WakeRunner {
  /** Null: there is nothing to do here. */
  run(wake: Work<WakeData>): Promise<StepReport | null>;
  /** What still waits for a place is not begun any more. */
  stop(): void;
}

export function createWakeRunner(deps: BatchLaneDeps): WakeRunner {
  let stopping = false;
  /** Batches whose upload or download is under way here, or waits for its place. */
  const inHand = new Set<string>();
  const places: Readonly<Record<string, Places>> = {
    [entryNames.intent]: createPlaces(batchLaneBounds.uploadsAtOnce),
    [entryNames.ended]: createPlaces(batchLaneBounds.downloadsAtOnce),
  };
  return {
    run: async (wake) => {
      const { batchId } = wake.entry.data;
      const take = places[wake.entry.name];
      if (take === undefined) return step(wake, deps);
      // One that waits for long is overdue and woken again; the second has nothing to wait for.
      if (inHand.has(batchId)) return null;
      inHand.add(batchId);
      try {
        // A place that becomes free while the process goes down is left: the sweep of another one finds what is overdue.
        return await take(() => (stopping ? Promise.resolve(null) : step(wake, deps)));
      } finally {
        inHand.delete(batchId);
      }
    },
    stop: () => {
      stopping = true;
    },
  };
}

async function step({ entry, signal }: Work<WakeData>, deps: BatchLaneDeps): Promise<StepReport> {
  const { batchId } = entry.data;
  const ticker = setInterval(() => void showProgress(entry, batchId, deps), batchLaneBounds.progressEveryMs);
  try {
    const report = await runStep(batchId, deps, signal);
    await showProgress(entry, batchId, deps);
    return report;
  } finally {
    clearInterval(ticker);
  }
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
