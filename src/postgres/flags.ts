// Flags as rows: read by every process, set and lifted together with their audit events.
import { ServiceError } from "../domain/errors.ts";
import type { Flag, FlagScope } from "../domain/flag.ts";
import type { Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const read = query("flags/read");
const insertPause = queryOne("flags/set-pause");
const endPause = queryOne("flags/lift-pause");
const listOpen = query("flags/list-open");
const selectQueue = queryOne("flags/find-queue");

export interface FlagsReading {
  version: bigint;
  /** Milliseconds that the lease of the asking process still runs; null if it has none: ended, reaped, never registered. */
  leaseLeftMs: number | null;
  /** All open flags, or null: nothing has changed since the known version. */
  flags: Flag[] | null;
}

/** Reads the flags as they are now, and whether the process that asks may trust them. */
export async function readFlags(
  database: Database,
  knownVersion: bigint,
  processId: string,
): Promise<FlagsReading> {
  const { rows } = await read(database, [knownVersion, processId]);
  const first = rows[0];
  if (first === undefined) throw new ServiceError("migration_missing");
  const flags = first.version === knownVersion ? null : rows.filter(isFlag).map(flagOf);
  return { version: first.version, leaseLeftMs: first.lease_left_ms, flags };
}

export interface NewPause {
  id: string;
  tenantId: string;
  scope: FlagScope;
  target: string;
  reason: string;
  actor: string;
}

/** Opens a pause and its audit event; undefined if one of this scope and target is open already. */
export async function setPause(database: Database, pause: NewPause): Promise<Flag | undefined> {
  const { id, tenantId, scope, target, reason, actor } = pause;
  const row = await insertPause(database, [id, tenantId, scope, target, reason, actor]);
  return row === undefined ? undefined : flagOf(row);
}

interface Lift extends Pick<NewPause, "scope" | "target" | "actor"> {
  reason: string | null;
  /** A pause that one of these has set is not for this actor to lift. */
  notSetBy?: readonly string[];
}

/** Lifts a pause, with its audit event; undefined if there was none that this actor may lift. */
export async function liftPause(database: Database, lift: Lift): Promise<Flag | undefined> {
  const { scope, target, actor, reason, notSetBy = [] } = lift;
  const row = await endPause(database, [scope, target, actor, reason, notSetBy]);
  return row === undefined ? undefined : flagOf(row);
}

/** The open flags of a tenant, or of everybody, the widest first. */
export async function listOpenFlags(database: Database, tenantId: string | null): Promise<Flag[]> {
  const { rows } = await listOpen(database, [tenantId]);
  return rows.map(flagOf);
}

/** A queue by its id, or by the tenant that owns it and its name. */
export type QueueReference = { queueId: string } | { tenantId: string; name: string };

export async function findQueue(
  database: Database,
  reference: QueueReference,
): Promise<{ id: string; tenantId: string; name: string } | undefined> {
  const row = await ("queueId" in reference
    ? selectQueue(database, [reference.queueId, null, null])
    : selectQueue(database, [null, reference.tenantId, reference.name]));
  return row === undefined ? undefined : { id: row.id, tenantId: row.tenant_id, name: row.name };
}

type FlagRow = RowOf<"flags/list-open">;

/** The outer join of flags/read brings a flag whole or not at all. */
const isFlag = (row: RowOf<"flags/read">): row is RowOf<"flags/read"> & FlagRow => row.id !== null;

function flagOf(row: FlagRow): Flag {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    kind: row.kind,
    scope: row.scope,
    target: row.target,
    mode: row.mode,
    reason: row.reason,
    setBy: row.set_by,
    setAt: row.set_at,
  };
}
