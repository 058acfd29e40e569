// Entries: what BullMQ calls jobs. The word job is taken: a job is a row in the database, an entry is its ticket in a queue.
import { DelayedError } from "bullmq";
import type { Job, Queue } from "bullmq";
import { queueFault, withDeadline } from "./faults.ts";
import { queueLimits } from "./limits.ts";
import { assertEntryId } from "./names.ts";

/** An entry as a worker or the board sees it. */
export type Entry<Data = unknown> = Job<Data, unknown>;
/** A queue, as BullMQ and Bull Board know it. Names, counts, pause and single entries are used as they are. */
export type EntryQueue = Queue;

/** What a processor gets for one entry. The signal is aborted when the worker closes and its grace has passed. */
export interface Work<Data> {
  readonly entry: Entry<Data>;
  /** Names this run; BullMQ wants it where the entry is moved. */
  readonly token: string;
  readonly signal: AbortSignal;
}

/**
 * Sends the entry in hand back until an instant (ms since the epoch): `return postpone(work, atMs)`. It keeps its id and its
 * progress and counts as no failure.
 */
export async function postpone<Data>({ entry, token }: Work<Data>, atMs: number): Promise<never> {
  await entry.moveToDelayed(atMs, token);
  throw new DelayedError();
}

export interface NewEntry<Data> {
  /** What the entry is, as Bull Board lists it. */
  readonly name: string;
  /** Chosen by the caller and new for every dispatch: an entry whose id is still known to the queue is ignored without a word. */
  readonly id: string;
  /** Ids and numbers only. It lies in clear text in Redis and is shown by Bull Board. */
  readonly data: Data;
  /** How long it waits before a worker may take it. */
  readonly delayMs?: number | undefined;
}

/**
 * Adds entries in their order, in chunks. Resolves when the last chunk was answered; rejects with queue_unavailable when one
 * was not, and then some may have been stored and some not.
 *
 * Nothing is read back to see whether all were stored, though on Redis they are one by one (a pipeline, no transaction) and
 * some refusals are not even reported. It would prove nothing: Redis may lose them a moment later. What counts is the row in
 * the database, whose lease ends when no worker has claimed it; the sweep then dispatches it again under a new id.
 *
 * There is no priority: who comes first is decided when the window is filled, and a window is drained in seconds.
 */
export async function addJobs<Data>(queue: EntryQueue, entries: readonly NewEntry<Data>[]): Promise<void> {
  for (const { id } of entries) assertEntryId(id);
  for (let from = 0; from < entries.length; from += queueLimits.addChunkMax) {
    const chunk = entries.slice(from, from + queueLimits.addChunkMax);
    // oxlint-disable-next-line no-await-in-loop -- entries are taken in the order they were added
    await addChunk(queue, chunk);
  }
}

async function addChunk<Data>(queue: EntryQueue, chunk: readonly NewEntry<Data>[]): Promise<void> {
  try {
    const adding = queue.addBulk(
      chunk.map(({ name, id, data, delayMs }) => ({
        name,
        data,
        opts: { jobId: id, delay: Math.max(0, Math.ceil(delayMs ?? 0)) },
      })),
    );
    // Its commands have a deadline each; the transaction around them, and a connection that is being made anew, have none.
    await withDeadline(adding, queueLimits.commandTimeoutMs + queueLimits.goodbyeTimeoutMs);
  } catch (error) {
    throw queueFault(error);
  }
}
