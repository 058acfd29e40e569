// What the breaker looks at: sums of the ledger and the ends of the attempts booked last. See migration 0004 for how they are kept.
import type { AttemptCounts, BreakerScope } from "../domain/breaker.ts";
import type { Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";

const foldRow = queryOne("breaker/fold-spend");
const recentSpendRows = query("breaker/recent-spend");
const hourRows = query("breaker/hours");
const recentAttemptRows = query("breaker/recent-attempts");

/** Adds up what is old enough of the ledger, an hour at most; answers whether there is more. */
export async function foldSpend(database: Database, lagMs: number): Promise<{ isBehind: boolean }> {
  const row = await foldRow(database, [lagMs]);
  return { isBehind: row?.is_behind ?? false };
}

export interface ScopeSpend {
  /** Id of the queue or tenant. */
  readonly target: string;
  /** Whose it is. */
  readonly tenantId: string;
  readonly recentNano: bigint;
}

/** Queues, or tenants, that spent more than `aboveNano` in the last hour and may be paused for it. */
export async function readRecentSpend(
  database: Database,
  scope: BreakerScope,
  aboveNano: bigint,
): Promise<ScopeSpend[]> {
  const { rows } = await recentSpendRows(database, [scope, aboveNano]);
  return rows.map((row) => ({
    target: row.target,
    tenantId: row.tenant_id,
    recentNano: row.amount_nano,
  }));
}

/** The spend of each hour with spend of the last seven days, by target. */
export async function readHours(
  database: Database,
  scope: BreakerScope,
  targets: readonly string[],
): Promise<Map<string, bigint[]>> {
  const hours = new Map<string, bigint[]>(targets.map((target) => [target, []]));
  if (targets.length === 0) return hours;
  const { rows } = await hourRows(database, [scope, targets]);
  for (const row of rows) hours.get(row.target)?.push(row.amount_nano);
  return hours;
}

export interface ScopeAttempts extends AttemptCounts {
  readonly target: string;
  readonly tenantId: string;
}

/** How the paid attempts booked last ended, for scopes with at least `attemptsMin` of them that may be paused for it. */
export async function readRecentAttempts(
  database: Database,
  scope: BreakerScope,
  bounds: {
    entriesMax: number;
    attemptsMin: number;
    goodOutcomes: readonly string[];
    heldBackReasons: readonly string[];
  },
): Promise<ScopeAttempts[]> {
  const { rows } = await recentAttemptRows(database, [
    scope,
    bounds.entriesMax,
    bounds.attemptsMin,
    bounds.goodOutcomes,
    bounds.heldBackReasons,
  ]);
  return rows.map((row) => ({
    target: row.target,
    tenantId: row.tenant_id,
    attempts: Number(row.attempts),
    failed: Number(row.failed),
    retried: Number(row.retried),
  }));
}
