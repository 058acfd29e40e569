// The rows of message batches: taken for a step, moved from state to state, given back. Every move names the state before it and,
// where it matters, the process that holds the step; no row changed means that somebody else was first.

import type { BatchCounts, MessageBatchState, ProviderBatch } from "../domain/message-batch.ts";
import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import type { RowOf } from "./query.ts";

const takeRow = queryOne("message-batches/take-step");
const renewRow = query("message-batches/renew-step");
const endRow = queryOne("message-batches/end-step");
const overdueRows = query("message-batches/take-overdue");
const doubtLost = query("message-batches/doubt-lost-create");
const startCreateRow = queryOne("message-batches/start-create");
const storeCreatedRow = query("message-batches/store-created");
const startLineRows = query("message-batches/start-lines");
const returnIntentRow = query("message-batches/return-intent");
const markDissolvingRow = query("message-batches/mark-dissolving");
const doubtRow = query("message-batches/doubt-create");
const closeUnsentRow = query("message-batches/close-unsent");
const recordPollRow = queryOne("message-batches/record-poll");
const recordFailureRow = queryOne("message-batches/record-failure");
const progressRow = queryOne("message-batches/progress");
const markCancelSentRow = query("message-batches/mark-cancel-sent");

/** A message batch as its row stands. */
export type MessageBatch = RowOf<"message-batches/take-step">;

/** Who works on a message batch: the id of the batch and of the process that holds its lease. */
export interface Holder {
  readonly id: string;
  readonly processId: string;
}

/** A wake-up to be put into the queue. */
export interface Wake {
  readonly id: string;
  readonly state: MessageBatchState;
  readonly wakeNo: number;
}

/** Takes a batch for a step; undefined while somebody else is at it, or when nothing is left to do. */
export const takeStep = (db: Database, { id, processId }: Holder, now: Date, leaseUntil: Date) =>
  takeRow(db, [id, processId, leaseUntil, now]);

/** Prolongs the lease of a step. False: it is lost. */
export async function renewStep(
  db: Database,
  { id, processId }: Holder,
  now: Date,
  leaseUntil: Date,
): Promise<boolean> {
  return (await renewRow(db, [id, processId, leaseUntil, now])).rowCount > 0;
}

/**
 * Gives a batch back, due again at `dueAt`, or at once if its cancellation was asked for meanwhile (`cancelKnown`: it was before).
 * Undefined: it is no longer this process's, or has come to its end.
 */
export async function endStep(
  db: Database,
  { id, processId }: Holder,
  { dueAt, cancelKnown }: { dueAt: Date; cancelKnown: boolean },
): Promise<{ wake: Wake; dueAt: Date } | undefined> {
  const row = await endRow(db, [id, processId, dueAt, cancelKnown]);
  return row === undefined ? undefined : { wake: wakeOf(row), dueAt: row.next_poll_at ?? dueAt };
}

/** Batches that were due before `overdueAt` and that nobody has in hand. */
export async function takeOverdue(
  db: Database,
  overdueAt: Date,
  now: Date,
  rowsMax: number,
): Promise<Wake[]> {
  const { rows } = await overdueRows(db, [overdueAt, now, rowsMax]);
  return rows.map((row) => wakeOf(row));
}

const wakeOf = (row: { id: string; state: MessageBatchState; wake_no: number }): Wake => ({
  id: row.id,
  state: row.state,
  wakeNo: row.wake_no,
});

/** Puts a creation in doubt whose lease has ended. False: there is none. */
export async function doubtLostCreate(db: Database, id: string, now: Date): Promise<boolean> {
  return (await doubtLost(db, [id, now])).rowCount > 0;
}

/** Moves an intent to creating; the number of this creation, or undefined if it may not be sent (any more). */
export async function startCreate(
  db: Database,
  { id, processId }: Holder,
  now: Date,
  leaseUntil: Date,
): Promise<number | undefined> {
  return (await startCreateRow(db, [id, processId, now, leaseUntil]))?.create_tries;
}

export interface Found {
  readonly batch: Pick<ProviderBatch, "id" | "createdAt" | "expiresAt">;
  /** The creation it is the answer to. */
  readonly createTries: number;
  readonly adopted: boolean;
  readonly dueAt: Date;
  /** Recognised by its number of lines and its time only: nothing that cannot be undone is done to it yet. */
  readonly unproved: boolean;
}

/** Stores the provider's id. False: the batch is in another state by now. Fails on a provider id that another batch has. */
export async function storeCreated(
  db: Database,
  id: string,
  { batch, createTries, adopted, dueAt, unproved }: Found,
): Promise<boolean> {
  const { rowCount } = await storeCreatedRow(db, [
    id,
    batch.id,
    adopted,
    batch.createdAt,
    batch.expiresAt,
    dueAt,
    unproved,
    createTries,
  ]);
  return rowCount > 0;
}

/** Its lines run from now on. */
export async function startLines(db: Database, id: string): Promise<void> {
  await startLineRows(db, [id]);
}

/** Takes back a creation that certainly reached nobody, to send it again at `dueAt`, or to dissolve it if there is an error code. */
export async function returnIntent(
  db: Database,
  id: string,
  { createTries, dueAt, errorCode }: { createTries: number; dueAt: Date; errorCode: string | null },
): Promise<boolean> {
  return (await returnIntentRow(db, [id, createTries, dueAt, errorCode])).rowCount > 0;
}

/** Decides that an intent is not sent. */
export async function markDissolving(
  db: Database,
  { id, processId }: Holder,
  errorCode: string,
): Promise<boolean> {
  return (await markDissolvingRow(db, [id, processId, errorCode])).rowCount > 0;
}

/** The end of a creation is unknown. */
export async function doubtCreate(
  db: Database,
  id: string,
  createTries: number,
  now: Date,
): Promise<boolean> {
  return (await doubtRow(db, [id, createTries, now])).rowCount > 0;
}

/** Ends a batch of which the provider has nothing; false while one of its lines is still open. */
export async function closeUnsent(
  db: Database,
  { id, processId }: Holder,
  to: "refused" | "void",
  now: Date,
): Promise<boolean> {
  const from: MessageBatchState = to === "refused" ? "intent" : "doubtful";
  return (await closeUnsentRow(db, [id, processId, from, to, now])).rowCount > 0;
}

/** Writes what a poll has shown; the row afterwards, or undefined if it is no longer this process's. */
export function recordPoll(
  db: Database,
  { id, processId }: Holder,
  seen: { status: ProviderBatch["status"]; counts: BatchCounts; now: Date },
): Promise<MessageBatch | undefined> {
  const { processing, succeeded, errored, canceled, expired } = seen.counts;
  return recordPollRow(db, [
    id,
    processId,
    seen.status,
    processing,
    succeeded,
    errored,
    canceled,
    expired,
    seen.now,
  ]);
}

/** Counts a failed poll or download; how many there were in a row. */
export async function recordFailure(db: Database, { id, processId }: Holder): Promise<number> {
  return (await recordFailureRow(db, [id, processId]))?.poll_failures ?? 1;
}

/** The provider has been asked to cancel. */
export async function markCancelSent(db: Database, id: string, now: Date): Promise<void> {
  await markCancelSentRow(db, [id, now]);
}

/** How far a batch has come; undefined for one that does not exist. */
export const readProgress = (db: Database, id: string) => progressRow(db, [id]);
