// Attempts read for their price, and booked at another one.
//
// A chunk of corrections is one transaction: attempts, jobs, ledger, the windows in which the holds were taken, and the act in the
// audit chain. Dying before its commit leaves the attempts as they were; the next run finds them again. Dying after it changes
// nothing: what was corrected costs what it should, and is passed over.

import { appendAudit } from "./audit.ts";
import type { AuditAct } from "./audit.ts";
import { notifyBudget } from "./budgets.ts";
import { withTransaction } from "./pool.ts";
import type { Database, Pool } from "./pool.ts";
import { query } from "./query.ts";
import type { RowOf } from "./query.ts";
import { WindowChanges } from "./windows.ts";

const pageRows = query("reprice/page");
const correctRows = query("reprice/correct");

export type PricedAttempt = RowOf<"reprice/page">;

export interface AttemptKey {
  readonly jobId: string;
  readonly no: number;
}

export interface PriceQuestion {
  /** By the instant of the price the attempt was booked at. */
  readonly since: Date;
  /** Not included. */
  readonly until: Date;
  readonly model: string | null;
}

/** The attempts behind a key, in the order of keys, at most so many. */
export async function readPricedAttempts(
  database: Database,
  after: AttemptKey,
  { since, until, model }: PriceQuestion,
  rowsMax: number,
): Promise<PricedAttempt[]> {
  return (await pageRows(database, [after.jobId, after.no, since, until, model, rowsMax])).rows;
}

export interface Correction extends AttemptKey {
  /** What it was booked at when this was decided. */
  readonly priorNano: bigint;
  readonly costNano: bigint;
  readonly realtimeNano: bigint;
  readonly priceId: string;
}

export interface Corrected extends AttemptKey {
  readonly changeNano: bigint;
  /** Spend above the hold that this adds (or takes away). */
  readonly overrunNano: bigint;
}

/** Books corrections, with their act; answers those that were booked now. Windows may pass their limit: it is recorded. */
export async function bookCorrections(
  pool: Pool,
  corrections: readonly Correction[],
  actOf: (booked: readonly Corrected[]) => AuditAct,
): Promise<Corrected[]> {
  return withTransaction(pool, async (client) => {
    const { rows } = await correctRows(client, [
      corrections.map(({ jobId }) => jobId),
      corrections.map(({ no }) => no),
      corrections.map(({ priorNano }) => priorNano),
      corrections.map(({ costNano }) => costNano),
      corrections.map(({ realtimeNano }) => realtimeNano),
      corrections.map(({ priceId }) => priceId),
    ]);
    if (rows.length === 0) return [];
    const changes = new WindowChanges();
    for (const row of rows)
      for (const windowId of row.window_ids)
        changes.add(windowId, { spentNano: row.change_nano, overrunNano: row.overrun_nano });
    const booked = rows.map((row) => ({
      jobId: row.job_id,
      no: row.no,
      changeNano: row.change_nano,
      overrunNano: row.overrun_nano,
    }));
    await changes.write(client);
    if (booked.some(({ changeNano }) => changeNano < 0n)) await notifyBudget(client, "correction");
    await appendAudit(client, actOf(booked));
    return booked;
  });
}
