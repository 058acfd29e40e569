// What the provider did since a backup, written into the restored rows: message batches that are found, realtime spend as a sum, and
// the end of the restore's stop. Each act is one transaction and done once: a found batch by the provider's id, the realtime sum by
// the marker.

import { admit } from "../domain/hold.ts";
import type { ProviderBatch } from "../domain/message-batch.ts";
import { appendAudit } from "./audit.ts";
import { withTransaction } from "./pool.ts";
import type { Client, Database, Pool } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import type { RowOf } from "./query.ts";
import { everyWindow, lockWindows, takeHolds, WindowChanges, windowsFor } from "./windows.ts";

const knownJobs = query("recover/known-jobs");
const lockJobs = query("recover/lock-jobs");
const adoptLines = query("recover/adopt-lines");
const insertBatch = query("recover/insert-batch");
const findBatch = queryOne("recover/find-batch");
const bookFoundRows = query("recover/book-found");
const nobodysQueue = query("recover/nobodys-queue");
const noteTwin = queryOne("recover/note-twin");
const noteForeignRow = query("recover/note-foreign");
const noteRealtime = queryOne("recover/note-realtime");
const closeMarker = queryOne("recover/close-marker");
const liftStop = queryOne("recover/lift-stop");

export type KnownJob = RowOf<"recover/known-jobs">;

/** Those of the jobs that the restored rows have. */
export async function readKnownJobs(database: Database, ids: readonly string[]): Promise<KnownJob[]> {
  return (await knownJobs(database, [ids])).rows;
}

/** How the batch of that name stands here, if it is known. */
export const readFoundBatch = (database: Database, id: string) => findBatch(database, [id]);

/** Remembers a batch as somebody else's. */
export async function noteForeign(
  database: Database,
  credentialId: string,
  providerId: string,
): Promise<void> {
  await noteForeignRow(database, [credentialId, providerId]);
}

/** Spend of which only the provider knew. */
export interface FoundSpend {
  readonly jobId: string;
  readonly model: string;
  readonly priceId: string;
  readonly nano: bigint;
}

export interface FoundLine extends FoundSpend {
  readonly job: KnownJob;
  /** Output tokens at which its answer was cut; null: it was not. */
  readonly cutAt: number | null;
}

export interface FoundMessageBatch {
  /** The id we gave it, from the names of its lines. */
  readonly id: string;
  readonly holdId: string;
  readonly provider: ProviderBatch;
  readonly credentialId: string;
  readonly lineCount: number;
  /** Lines of jobs that are here, each with what it costs; unpaid ones among them. */
  readonly known: readonly FoundLine[];
  /** Paid lines of jobs that were accepted after the backup. */
  readonly unknown: readonly FoundSpend[];
  readonly now: Date;
}

const nobody = "recovered";

/**
 * Writes the rows a found batch must have had. Its lines' cost is held in the windows of the day it was created, for its ingest to
 * settle; where that does not fit any more, nothing is held and the settlement is an overrun. Lines whose jobs are gone are
 * booked at once, under the batch's queue where another line tells it.
 */
export async function writeFoundBatch(pool: Pool, found: FoundMessageBatch): Promise<void> {
  await withTransaction(pool, async (client) => {
    const { id, provider, credentialId, known } = found;
    const [first] = known;
    const owner = { tenantId: first?.job.tenant_id ?? nobody, queueId: first?.job.queue_id ?? nobody };
    if (first === undefined) await nobodysQueue(client, []);
    await lockJobs(client, [known.map(({ jobId }) => jobId)]);
    const scopes = known.map(({ job }) => scopeOf(job));
    const { windowIds } = await windowsFor(client, scopes, provider.createdAt);
    const unknown = [{ ...owner, jobType: "", bulkId: "", labels: null }];
    const [unknownWindows = []] = (await windowsFor(client, unknown, provider.createdAt)).windowIds;
    const changes = new WindowChanges();
    const holds = await holdFound(client, found, { owner, windowIds, unknownWindows, changes });
    await adoptLines(client, [
      known.map(({ jobId }) => jobId),
      known.map(({ nano }) => (holds ? nano : 0n)),
      known.map(({ priceId }) => priceId),
      windowIds.map((ids) => `{${ids.join(",")}}`),
      id,
      found.holdId,
      credentialId,
      provider.createdAt,
      known.map(({ cutAt }) => cutAt),
    ]);
    await insertBatch(client, [
      id,
      owner.tenantId,
      owner.queueId,
      credentialId,
      found.lineCount,
      found.holdId,
      provider.id,
      provider.createdAt,
      provider.expiresAt,
      found.now,
    ]);
    await bookSpend(client, found.unknown, { ...owner, lane: "batch", windows: unknownWindows, changes });
    await changes.write(client);
  });
}

interface FoundWindows {
  readonly owner: { readonly tenantId: string; readonly queueId: string };
  /** By line. */
  readonly windowIds: readonly bigint[][];
  readonly unknownWindows: readonly bigint[];
  readonly changes: WindowChanges;
}

/** Takes the hold of a found batch if its windows have the room; the row is there in any case. */
async function holdFound(
  client: Client,
  found: FoundMessageBatch,
  { owner, windowIds, unknownWindows, changes }: FoundWindows,
): Promise<boolean> {
  const rooms = await lockWindows(client, [...windowIds.flat(), ...unknownWindows]);
  const available = new Map([...rooms].map(([id, room]) => [id, room.availableNano]));
  const wishes = found.known.map(({ nano }, index) => ({
    amountNano: nano,
    windowIds: windowIds[index] ?? [],
  }));
  const fits = admit(available, wishes, "allow").every((verdict) => verdict.fits);
  const parts = new Map<bigint, bigint>();
  for (const { amountNano, windowIds: ids } of wishes)
    for (const id of ids) parts.set(id, (parts.get(id) ?? 0n) + (fits ? amountNano : 0n));
  await takeHolds(
    client,
    [
      {
        id: found.holdId,
        tenantId: owner.tenantId,
        ownerKind: "message_batch",
        ownerId: found.id,
        reason: "found_after_restore",
        amountNano: fits ? found.known.reduce((sum, { nano }) => sum + nano, 0n) : 0n,
        parts,
        expiresAt: null,
      },
    ],
    changes,
  );
  return fits;
}

/**
 * Books a second batch that bears the name of one of ours, which is known under another id at the provider: its lines were paid twice,
 * and nothing of it is wanted. It counts under the budgets of its jobs, and is never looked at again. False: it was booked before.
 */
export async function bookTwin(
  pool: Pool,
  twin: Pick<FoundMessageBatch, "id" | "provider" | "credentialId" | "known" | "unknown">,
): Promise<boolean> {
  return withTransaction(pool, async (client) => {
    const { id, provider, credentialId, known, unknown } = twin;
    if ((await noteForeignRow(client, [credentialId, provider.id])).rowCount === 0) return false;
    const paid = known.filter(({ nano }) => nano > 0n);
    const owner = await noteTwin(client, [id, paid.length + unknown.length]);
    if (owner === undefined) throw new Error("a twin of a message batch that is not here");
    const place = { tenantId: owner.tenant_id, queueId: owner.queue_id };
    const scopes = paid.map(({ job }) => scopeOf(job));
    const rest = { ...place, jobType: "", bulkId: "", labels: null };
    const { windowIds } = await windowsFor(client, [...scopes, rest], provider.createdAt);
    const changes = new WindowChanges();
    for (const [index, { nano }] of paid.entries())
      for (const windowId of windowIds[index] ?? []) changes.add(windowId, { spentNano: nano });
    await bookSpend(client, paid, { ...place, lane: "batch", windows: [], changes });
    const windows = windowIds[paid.length] ?? [];
    await bookSpend(client, unknown, { ...place, lane: "batch", windows, changes });
    await changes.write(client);
    return true;
  });
}

interface SpendPlace {
  readonly tenantId: string;
  readonly queueId: string;
  readonly lane: "realtime" | "batch";
  readonly windows: readonly bigint[];
  readonly changes: WindowChanges;
}

async function bookSpend(client: Client, spend: readonly FoundSpend[], place: SpendPlace): Promise<void> {
  if (spend.length === 0) return;
  await bookFoundRows(client, [
    spend.map(({ jobId }) => jobId),
    spend.map(({ model }) => model),
    spend.map(({ priceId }) => priceId),
    spend.map(({ nano }) => nano),
    place.tenantId,
    place.queueId,
    place.lane,
  ]);
  const spentNano = spend.reduce((sum, { nano }) => sum + nano, 0n);
  for (const id of place.windows) place.changes.add(id, { spentNano });
}

/**
 * Books what realtime calls cost since the backup. Nobody knows for whom they were made, so the sum counts against the window of every budget
 * that is open now: each ceiling holds whosever calls they were. False: it was booked before.
 */
export async function bookRealtime(
  pool: Pool,
  marker: { readonly id: string; readonly at: Date },
  spend: readonly FoundSpend[],
): Promise<boolean> {
  return withTransaction(pool, async (client) => {
    const total = spend.reduce((sum, { nano }) => sum + nano, 0n);
    if ((await noteRealtime(client, [marker.id, total])) === undefined) return false;
    await nobodysQueue(client, []);
    const changes = new WindowChanges();
    const windows = total > 0n ? await everyWindow(client, marker.at) : [];
    await bookSpend(client, spend, { tenantId: nobody, queueId: nobody, lane: "realtime", windows, changes });
    await changes.write(client);
    return true;
  });
}

/** Closes the marker and lifts the stop of the restore. False: the realtime spend is not booked, or it was closed before. */
export async function finishRecovery(
  pool: Pool,
  id: string,
  { actor, detail }: { actor: string; detail: Readonly<Record<string, unknown>> },
): Promise<boolean> {
  return withTransaction(pool, async (client) => {
    if ((await closeMarker(client, [id, actor])) === undefined) return false;
    await liftStop(client, [actor]);
    await appendAudit(client, {
      tenantId: "installation",
      actor,
      act: "restore.recovered",
      subjectKind: "restore",
      subjectId: id,
      detail,
    });
    return true;
  });
}

const scopeOf = (job: KnownJob) => ({
  tenantId: job.tenant_id,
  queueId: job.queue_id,
  jobType: job.job_type,
  bulkId: job.bulk_id,
  labels: job.labels,
});
