// Counts of the provider: which jobs are worth one, what it was, and how far the counts of a model can be believed. The judging is
// done where a counted job is settled, in the statement that settles it (record/close-attempts).

import type { CountTrust } from "../domain/count-trust.ts";
import { raiseAlert } from "./alerts.ts";
import { appendAudit } from "./audit.ts";
import { withTransaction } from "./pool.ts";
import type { Client, Database, Pool } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import type { RowOf } from "./query.ts";

const waitingRows = query("count/waiting");
const storeRows = query("count/store");
const knowRows = query("count/know-models");
const trustRows = query("count/trusts");
const takeOff = query("count/take-off");
const trustAgainRow = queryOne("count/trust-again");

/** A waiting job whose request may be counted. */
export type UncountedJob = RowOf<"count/waiting">;

/** Up to so many of each model, the oldest behind `after` (a job's id, or empty). */
export async function readUncounted(
  database: Database,
  cursors: ReadonlyMap<string, string>,
  jobsMax: number,
): Promise<UncountedJob[]> {
  return (await waitingRows(database, [[...cursors.keys()], [...cursors.values()], jobsMax])).rows;
}

/** Stores counts with jobs that still wait; 0 for a request that is none the provider counts. Answers how many were stored. */
export async function storeCounts(database: Database, counts: ReadonlyMap<string, number>): Promise<number> {
  if (counts.size === 0) return 0;
  return (await storeRows(database, [[...counts.keys()], [...counts.values()]])).rowCount;
}

/** Makes sure that settlements judge the counts of these models. */
export async function knowModels(database: Database, models: readonly string[]): Promise<void> {
  if (models.length > 0) await knowRows(database, [[...models]]);
}

export interface ModelTrust extends CountTrust {
  readonly model: string;
  readonly since: Date;
  readonly offAt: Date | null;
  readonly offReason: string | null;
}

/** How far the counts of each model that was ever counted can be believed now. */
export async function readTrusts(database: Database): Promise<ReadonlyMap<string, ModelTrust>> {
  const { rows } = await trustRows(database, []);
  return new Map(
    rows.map((row) => [
      row.model,
      {
        model: row.model,
        marginBp: row.margin_bp,
        samples: Number(row.samples),
        worstBp: Number(row.worst_bp),
        off: row.off_at !== null,
        since: row.since,
        offAt: row.off_at,
        offReason: row.off_reason,
      },
    ]),
  );
}

/**
 * Tells of the models that have switched themselves off: the audit event and the alert, once each. In a transaction of its own, because
 * the audit chain is locked behind the budget windows; dying before its commit leaves them to be told again.
 */
export function tellOff(pool: Pool): Promise<{ model: string; reason: string }[]> {
  return withTransaction(pool, async (client) => {
    const { rows } = await takeOff(client, []);
    const told: { model: string; reason: string }[] = [];
    for (const { model, off_reason: reason, off_at: offAt } of rows) {
      // oxlint-disable no-await-in-loop -- one after the other: the chain has one writer
      await raiseAlert(client, {
        dedupeKey: `count_off:${model}:${offAt?.toISOString() ?? ""}`,
        kind: "count_off",
        tenantId: "installation",
        scope: "global",
        target: "",
        reason: `${model}: ${reason}`,
      });
      await appendAudit(client, {
        tenantId: "installation",
        actor: "count",
        act: "count.off",
        subjectKind: "model",
        subjectId: model,
        detail: { reason },
      });
      // oxlint-enable no-await-in-loop
      told.push({ model, reason });
    }
    return told;
  });
}

/** Begins anew with the counts of a model; false if it was never counted. */
export async function trustAgain(client: Client, model: string, marginBp: number): Promise<boolean> {
  return (await trustAgainRow(client, [model, marginBp])) !== undefined;
}
