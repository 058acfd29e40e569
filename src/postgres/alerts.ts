// The outbox of alerts: raised in the transaction of what they are about (most of them by triggers, migration 0004), announced and
// sent by whoever holds that duty, read by people.
import type { AlertFacts, AlertKind, AlertScope, AlertState } from "../domain/alert.ts";
import type { Client, Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const raise = queryOne("alerts/raise");
const announceRows = query("alerts/announce");
const takeDueRows = query("alerts/take-due");
const markDelivered = query("alerts/mark-delivered");
const markRefused = queryOne("alerts/mark-refused");
const listRows = query("alerts/list");
const findRow = queryOne("alerts/find");
const pruneRows = query("alerts/prune");
const pathRow = queryOne("alerts/path");

export interface Alert extends AlertFacts {
  readonly id: string;
  readonly tenantId: string;
  readonly tenantName: string;
  readonly target: string;
  readonly owner: string;
  readonly raisedAt: Date;
  readonly state: AlertState;
  readonly tries: number;
  readonly lastError: string | null;
  readonly deliveredAt: Date | null;
}

export interface NewAlert {
  /** A key raises one alert, ever. Within a transaction it must be nobody else's to raise: see migration 0004. */
  readonly dedupeKey: string;
  readonly kind: AlertKind;
  readonly tenantId: string;
  readonly scope: AlertScope;
  readonly target: string;
  readonly reason: string;
}

/** Raises an alert; answers its id, or undefined if its key has raised one before. */
export async function raiseAlert(database: Database, alert: NewAlert): Promise<string | undefined> {
  const { dedupeKey, kind, tenantId, scope, target, reason } = alert;
  const row = await raise(database, [dedupeKey, kind, tenantId, scope, target, reason]);
  return row?.id;
}

/** Takes alerts that nobody has heard of yet; they are announced when the transaction commits. */
export async function announceAlerts(
  client: Client,
  { hasWebhook, rowsMax }: { hasWebhook: boolean; rowsMax: number },
): Promise<Alert[]> {
  const { rows } = await announceRows(client, [hasWebhook, rowsMax]);
  return rows.map(alertOf).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** Takes due alerts for one try each; a try that is never marked makes its alert due again after `putOffMs`. */
export async function takeDueAlerts(
  database: Database,
  { putOffMs, rowsMax }: { putOffMs: number; rowsMax: number },
): Promise<Alert[]> {
  const { rows } = await takeDueRows(database, [putOffMs, rowsMax]);
  return rows.map(alertOf);
}

export async function markAlertDelivered(database: Database, id: string): Promise<void> {
  await markDelivered(database, [id]);
}

/** Notes a failed try; answers whether the alert was given up with it. `error` is a code, never what the receiver said. */
export async function markAlertRefused(
  database: Database,
  { id, error, pauseMs, triesMax }: { id: string; error: string; pauseMs: number; triesMax: number },
): Promise<{ givenUp: boolean }> {
  const row = await markRefused(database, [id, error, pauseMs, triesMax]);
  return { givenUp: row?.state === "failed" };
}

/** Removes alerts that are done with and were raised before an instant; answers how many. */
export async function pruneAlerts(database: Database, before: Date, rowsMax: number): Promise<number> {
  return (await pruneRows(database, [before, rowsMax])).rowCount;
}

export interface AlertQuestion {
  /** Null: of all tenants. */
  readonly tenantId: string | null;
  readonly state: AlertState | null;
  readonly kind: AlertKind | null;
  readonly after: string | null;
  readonly rowsMax: number;
}

export async function listAlerts(database: Database, question: AlertQuestion): Promise<Alert[]> {
  const { tenantId, state, kind, after, rowsMax } = question;
  const { rows } = await listRows(database, [tenantId, state, kind, after, rowsMax]);
  return rows.map(alertOf);
}

export async function findAlert(
  database: Database,
  id: string,
  tenantId: string | null,
): Promise<Alert | undefined> {
  const row = await findRow(database, [id, tenantId]);
  return row === undefined ? undefined : alertOf(row);
}

export interface AlertPathState {
  readonly failuresInRow: number;
  readonly lastError: string | null;
  readonly pending: number;
  readonly failed: number;
  readonly oldestPendingAt: Date | null;
}

/** How the way out does. */
export async function readAlertPath(database: Database): Promise<AlertPathState> {
  const row = await pathRow(database, []);
  if (row === undefined) throw new Error("alert_path has lost its row");
  return {
    failuresInRow: row.failures_in_row,
    lastError: row.last_error,
    pending: Number(row.pending),
    failed: Number(row.failed),
    oldestPendingAt: row.oldest_pending_at,
  };
}

function alertOf(row: RowOf<"alerts/find">): Alert {
  return {
    id: row.id,
    kind: row.kind,
    tenantId: row.tenant_id,
    tenantName: row.tenant_name,
    scope: row.scope,
    target: row.target,
    targetName: row.target_name,
    owner: row.owner,
    reason: row.reason,
    percent: row.percent,
    budget: budgetOf(row),
    raisedAt: row.raised_at,
    state: row.state,
    tries: row.tries,
    lastError: row.last_error,
    deliveredAt: row.delivered_at,
  };
}

function budgetOf(row: RowOf<"alerts/find">): Alert["budget"] {
  const { limit_nano, spent_nano, held_nano, window_starts_at, window_ends_at } = row;
  if (limit_nano === null || spent_nano === null || held_nano === null) return null;
  if (window_starts_at === null || window_ends_at === null) return null;
  return {
    limitNano: limit_nano,
    spentNano: spent_nano,
    heldNano: held_nano,
    windowStartsAt: window_starts_at,
    windowEndsAt: window_ends_at,
  };
}
