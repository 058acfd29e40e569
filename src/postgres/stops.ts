// Stops as rows: set and lifted together with their audit events, and everything that a receipt is read from. What must be true
// for a stop to be complete is decided in one statement (stops/complete).
import type { FlagScope, StopMode } from "../domain/flag.ts";
import type { Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const setRow = queryOne("stops/set");
const liftRow = queryOne("stops/lift");
const findRow = queryOne("stops/find");
const targetRow = queryOne("stops/target");
const listRows = query("stops/list");
const processRows = query("stops/processes");
const callsRow = queryOne("stops/calls");
const batchRows = query("stops/batches");
const waitingRow = queryOne("stops/waiting");
const completeRow = queryOne("stops/complete");
const cancelRows = query("stops/cancel-batches");
const answerRow = queryOne("stops/answer-waiting");
const unsentRows = query("stops/unsent-cancels");

export type StopRow = RowOf<"stops/find">;
export type StopProcessRow = RowOf<"stops/processes">;
export type StopCallsRow = RowOf<"stops/calls">;
export type StopBatchRow = RowOf<"stops/batches">;

export interface NewStop {
  id: string;
  /** Who may lift it: the tenant, or the installation. */
  tenantId: string;
  scope: FlagScope;
  target: string;
  mode: StopMode;
  reason: string;
  actor: string;
}

/** Sets a stop, or makes the open one of its scope and target as hard; undefined if that is so already. */
export async function setStop(database: Database, stop: NewStop): Promise<string | undefined> {
  const { id, tenantId, scope, target, mode, reason, actor } = stop;
  return (await setRow(database, [id, tenantId, scope, target, mode, reason, actor]))?.stop_id;
}

/** Lifts a stop of a tenant, or of anybody (null). False: there is none that is open. */
export async function liftStop(
  database: Database,
  id: string,
  by: { tenantId: string | null; actor: string; reason: string },
): Promise<boolean> {
  return (await liftRow(database, [id, by.tenantId, by.actor, by.reason])) !== undefined;
}

/** A stop of a tenant, or of anybody (null). */
export const findStop = (db: Database, id: string, tenantId: string | null): Promise<StopRow | undefined> =>
  findRow(db, [id, null, null, tenantId]);

/** The open stop of exactly this scope and target. */
export const findOpenStop = (db: Database, scope: FlagScope, target: string): Promise<StopRow | undefined> =>
  findRow(db, [null, scope, target, null]);

/** Stops of a tenant, or of all (null), the newest first. */
export async function listStops(
  database: Database,
  tenantId: string | null,
  page: { openOnly: boolean; after: string | null; rowsMax: number },
): Promise<StopRow[]> {
  return (await listRows(database, [tenantId, page.openOnly, page.after, page.rowsMax])).rows;
}

/** What a name means as the target of a stop; undefined: there is no such thing. `tenantId`: whose queue, whose bulk (null: anybody's). */
export async function findTarget(
  database: Database,
  scope: FlagScope,
  name: string,
  tenantId: string | null,
): Promise<string | undefined> {
  return (await targetRow(database, [scope, name, tenantId]))?.target;
}

export interface StopFindings {
  readonly processes: StopProcessRow[];
  readonly calls: StopCallsRow;
  readonly batches: StopBatchRow[];
  readonly jobsWaiting: bigint;
}

/** What is there in the scope of a stop, now. */
export async function readStopFindings(
  database: Database,
  stop: StopRow,
  { batchesMax }: { batchesMax: number },
): Promise<StopFindings> {
  const { id, scope, target, set_at: since, lifted_at: until } = stop;
  const processes = await processRows(database, [id]);
  const calls = await callsRow(database, [scope, target, since, until]);
  const batches = await batchRows(database, [id, scope, target, batchesMax]);
  const waiting = await waitingRow(database, [scope, target]);
  if (calls === undefined || waiting === undefined) throw new Error("a sum without a row");
  return { processes: processes.rows, calls, batches: batches.rows, jobsWaiting: waiting.jobs };
}

/** Writes down that a stop is complete; false if it is not, or was before. */
export const markComplete = async (database: Database, id: string): Promise<boolean> =>
  (await completeRow(database, [id])) !== undefined;

/** Asks for the cancellation of the message batches of a stop that cancels; answers how many were not asked for before. */
export async function cancelStoppedBatches(database: Database, id: string): Promise<number> {
  return (await cancelRows(database, [id])).rowCount;
}

/** Answers waiting jobs of a stop with the answers that their job types keep for it (JSON, by type); how many, at most `rowsMax`. */
export async function answerWaiting(
  database: Database,
  id: string,
  answers: ReadonlyMap<string, string>,
  rowsMax: number,
): Promise<number> {
  const row = await answerRow(database, [id, [...answers.keys()], [...answers.values()], rowsMax]);
  return row?.answered ?? 0;
}

/** Message batches that are to be canceled and of which the provider does not know it yet. */
export async function readUnsentCancels(
  database: Database,
  credentialId: string,
  rowsMax: number,
): Promise<{ id: string; providerId: string }[]> {
  const { rows } = await unsentRows(database, [credentialId, rowsMax]);
  return rows.map((row) => ({ id: row.id, providerId: row.provider_id }));
}
