// Doubt about message batches as rows: which of the provider's batches are spoken for, what listings have shown, what was given
// up, and the money that is kept until no bill can come.

import type { ProviderBatch } from "../domain/message-batch.ts";
import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import type { RowOf } from "./query.ts";
import type { Holder, Wake } from "./message-batches.ts";

const claimedRows = query("message-batches/claimed-ids");
const countListing = query("message-batches/count-clear-listing");
const giveUpRow = query("message-batches/give-up");
const disownRow = query("message-batches/disown");
const youngVoids = query("message-batches/young-voids");
const foundLateRow = queryOne("message-batches/found-late");
const othersRow = queryOne("message-batches/knows-others");
const proveRow = query("message-batches/prove");
const releaseHolds = query("message-batches/release-void-holds");

/** Those of the provider's ids that belong to one of our batches or are known to be somebody else's. */
export async function readClaimed(
  db: Database,
  credentialId: string,
  providerIds: readonly string[],
): Promise<Set<string>> {
  const { rows } = await claimedRows(db, [credentialId, providerIds]);
  return new Set(rows.map((row) => row.provider_id));
}

/** Counts a complete listing without a candidate. */
export async function countClearListing(
  db: Database,
  { id, processId }: Holder,
  listedAt: Date,
): Promise<void> {
  await countListing(db, [id, processId, listedAt]);
}

/** Decides that a doubtful batch is absent; its hold stays until `holdUntil`. */
export async function giveUp(db: Database, { id, processId }: Holder, holdUntil: Date): Promise<boolean> {
  return (await giveUpRow(db, [id, processId, holdUntil])).rowCount > 0;
}

/** An adopted batch is somebody else's: back to doubt, or to void if it had been given up before. */
export async function disown(
  db: Database,
  { id, processId }: Holder,
  to: "doubtful" | "void",
  now: Date,
): Promise<boolean> {
  return (await disownRow(db, [id, processId, to, now])).rowCount > 0;
}

/** Whether a batch of somebody else's was ever met in the workspace of this credential. */
export async function knowsOthers(db: Database, credentialId: string): Promise<boolean> {
  return (await othersRow(db, [credentialId]))?.known ?? false;
}

/** Void batches created since then. */
export async function readYoungVoids(
  db: Database,
  credentialId: string,
  since: Date,
): Promise<RowOf<"message-batches/young-voids">[]> {
  return (await youngVoids(db, [credentialId, since])).rows;
}

/** An adopted batch is ours: by its creator's own answer, or because nobody else is there. False: it has no need of that, or is another one. */
export async function proveBatch(db: Database, id: string, providerId: string, now: Date): Promise<boolean> {
  return (await proveRow(db, [id, providerId, now])).rowCount > 0;
}

/**
 * A void batch was found at the provider: it is harvested, and canceled unless it was only recognised (`unproved`). Undefined: it is
 * not void any more.
 */
export async function markFoundLate(
  db: Database,
  id: string,
  batch: ProviderBatch,
  { unproved, now }: { unproved: boolean; now: Date },
): Promise<Wake | undefined> {
  const row = await foundLateRow(db, [id, batch.id, batch.createdAt, batch.expiresAt, now, unproved]);
  return row === undefined ? undefined : { id: row.id, state: "created", wakeNo: row.wake_no };
}

/** Releases the holds of void batches whose time is over; how many. */
export async function releaseVoidHolds(db: Database, now: Date, rowsMax: number): Promise<number> {
  return (await releaseHolds(db, [now, rowsMax])).rowCount;
}
