// Queues: what they are called, what they allow, what waits in them.
import type { Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const findRow = queryOne("queues/find");
const listRows = query("queues/list");
const putRow = queryOne("queues/put");
const backlogRows = query("queues/backlog");
const openFlagRows = query("queues/open-flags");

export interface Queue {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  /** Belongs to the installation: every tenant may submit to it. */
  readonly shared: boolean;
  readonly owner: string;
  readonly defaultType: string | null;
  readonly defaultUrgency: "now" | "whenever" | null;
  readonly defaultPriority: number | null;
  readonly concurrencyMax: number | null;
  readonly attemptsMax: number | null;
  readonly jobAgeMaxS: number | null;
  /** A bulk whose worst case is above it waits for a second person; null: none does. Nano-dollars. */
  readonly approveAboveNano: bigint | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The queue of this name as a tenant sees it: its own wins over a shared one. `sharedOnly` skips the own one. */
export async function findQueue(
  database: Database,
  tenantId: string,
  name: string,
  sharedOnly = false,
): Promise<Queue | undefined> {
  const row = await findRow(database, [tenantId, name, sharedOnly]);
  return row === undefined ? undefined : queueOf(row);
}

/** The queues a tenant can submit to, by name. */
export async function listQueues(
  database: Database,
  tenantId: string,
  page: { after: string | null; rowsMax: number },
): Promise<Queue[]> {
  const { rows } = await listRows(database, [tenantId, page.after, page.rowsMax]);
  return rows.map(queueOf);
}

export interface QueueSettings {
  readonly owner: string;
  readonly defaultType: string | null;
  readonly defaultUrgency: "now" | "whenever" | null;
  readonly defaultPriority: number | null;
  readonly concurrencyMax: number | null;
  readonly attemptsMax: number | null;
  readonly jobAgeMaxS: number | null;
  readonly approveAboveNano: bigint | null;
}

/** Creates a queue or replaces its settings; `id` is used if it is new. */
export async function putQueue(
  database: Database,
  place: { id: string; tenantId: string; name: string },
  settings: QueueSettings,
): Promise<{ id: string; created: boolean }> {
  const row = await putRow(database, [
    place.id,
    place.tenantId,
    place.name,
    settings.owner,
    settings.defaultType,
    settings.defaultUrgency,
    settings.defaultPriority,
    settings.concurrencyMax,
    settings.attemptsMax,
    settings.jobAgeMaxS,
    settings.approveAboveNano,
  ]);
  if (row === undefined) throw new Error("queues/put returned no row");
  return row;
}

export type BacklogRow = RowOf<"queues/backlog">;

/** Unfinished jobs of queues by lane and state; `tenantId` null counts those of every tenant. */
export async function readBacklog(
  database: Database,
  queueIds: readonly string[],
  tenantId: string | null,
): Promise<BacklogRow[]> {
  return queueIds.length === 0 ? [] : (await backlogRows(database, [queueIds, tenantId])).rows;
}

export type OpenFlagRow = RowOf<"queues/open-flags">;

export interface FlaggedScopes {
  readonly queueIds: readonly string[];
  readonly tenantIds: readonly string[];
  /** Of a bulk: its job type and itself. */
  readonly jobTypes?: readonly string[];
  readonly bulkIds?: readonly string[];
  /** The flags of every model, too. */
  readonly models?: boolean;
}

/** The pauses and stops in force over some queues, tenants, job types and bulks, those over everything included. */
export async function readOpenFlags(database: Database, of: FlaggedScopes): Promise<OpenFlagRow[]> {
  const { queueIds, tenantIds, jobTypes = [], bulkIds = [], models = false } = of;
  return (await openFlagRows(database, [queueIds, tenantIds, jobTypes, bulkIds, models])).rows;
}

function queueOf(row: RowOf<"queues/find">): Queue {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    shared: row.shared,
    owner: row.owner,
    defaultType: row.default_type,
    defaultUrgency: row.default_urgency,
    defaultPriority: row.default_priority,
    concurrencyMax: row.concurrency_max,
    attemptsMax: row.attempts_max,
    jobAgeMaxS: row.job_age_max_s,
    approveAboveNano: row.approve_above_nano,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
