// Bulks as entries of the queue: one entry per bulk in the BullMQ queue of its Sluice queue, so that whatever shows BullMQ shows
// every accepted bulk. Entries hold ids and counts only, decide nothing, and can all be lost: the follower adds them again.
import { setImmediate as nextTurn } from "node:timers/promises";
import { limits } from "../config/limits.ts";
import { formatUsd } from "../domain/money.ts";
import type { GateVerdict } from "../domain/work-scope.ts";
import { findNamedQueue, type readBulkEnds } from "../postgres/entries.ts";
import type { Database } from "../postgres/pool.ts";
import type { Progress } from "../postgres/tallies.ts";
import type { QueueBackend } from "../queue/backend.ts";
import { addJobs, type NewEntry } from "../queue/entries.ts";

export interface BulkEntryData {
  bulkId: string;
}

/** What an entry shows while its bulk runs. */
export interface BulkProgress {
  done: number;
  total: number;
  /** Decimal dollars. */
  spentUsd: string;
  /** What the next waiting job waits for; null if nothing waits or nothing is in its way. */
  waitReason: string | null;
}

/**
 * The entry of a bulk. The queue ignores an entry whose id it still knows, so one that has ended too early is followed by
 * another under the next number.
 */
export const bulkEntry = (bulkId: string, no = 0): NewEntry<BulkEntryData> => ({
  name: "bulk",
  id: no === 0 ? `bulk-${bulkId}` : `bulk-${bulkId}-${no}`,
  data: { bulkId },
});

type BulkEnd = Awaited<ReturnType<typeof readBulkEnds>>[number];

/** What is shown of a bulk, from its counts, its next waiting jobs and the gate. */
export function bulkProgress(progress: Progress, bulk: BulkEnd, verdict: GateVerdict): BulkProgress {
  const { done, total, costNano, queued } = progress;
  return { done, total, spentUsd: formatUsd(costNano), waitReason: waitReasonOf(queued, bulk, verdict) };
}

function waitReasonOf(queued: Progress["queued"], bulk: BulkEnd, verdict: GateVerdict): string | null {
  if (queued.realtime + queued.batch === 0) return null;
  if (!verdict.open && verdict.why !== "no_permission") return verdict.why;
  return bulk.realtime_wait ?? bulk.batch_wait ?? (queued.batch > 0 ? "batch" : null);
}

interface BulkEntriesDeps {
  readonly database: Database;
  readonly backend: Pick<QueueBackend, "createQueue">;
}

/** Hands new bulks to the queue. Nothing waits for it and nothing fails by it: what does not get through, the follower adds. */
export class BulkEntries {
  readonly #deps: BulkEntriesDeps;
  /** Names of BullMQ queues by id; they never change. */
  readonly #names = new Map<string, string>();
  readonly #waiting: { bulkId: string; queueId: string }[] = [];
  #flushing: Promise<void> | undefined;

  constructor(deps: BulkEntriesDeps) {
    this.#deps = deps;
  }

  /** To be called when a bulk was committed. Returns at once. */
  readonly enqueueBulk = (bulkId: string, queueId: string): void => {
    if (this.#waiting.length >= limits.newEntriesMax) return;
    this.#waiting.push({ bulkId, queueId });
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
  };

  /** Resolves when everything handed in has been tried. */
  async settled(): Promise<void> {
    await this.#flushing;
  }

  // While one write is under way further bulks gather: a thousand single jobs a second are a few writes.
  async #flush(): Promise<void> {
    await nextTurn();
    const byQueue = new Map<string, NewEntry<BulkEntryData>[]>();
    for (const { bulkId, queueId } of this.#waiting.splice(0)) {
      const entries = byQueue.get(queueId) ?? [];
      entries.push(bulkEntry(bulkId));
      byQueue.set(queueId, entries);
    }
    await Promise.all(
      [...byQueue].map(([queueId, entries]) => this.#add(queueId, entries).catch(() => undefined)),
    );
    if (this.#waiting.length > 0) await this.#flush();
  }

  async #add(queueId: string, entries: readonly NewEntry<BulkEntryData>[]): Promise<void> {
    const name = this.#names.get(queueId) ?? (await findNamedQueue(this.#deps.database, queueId))?.entryQueue;
    if (name === undefined) return;
    this.#names.set(queueId, name);
    await addJobs(await this.#deps.backend.createQueue(name), entries);
  }
}
