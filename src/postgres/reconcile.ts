// The ledger as figures, for comparison with the provider's.

import { findModel } from "../domain/models.ts";
import type { Lane } from "../domain/job.ts";
import { dayText } from "../domain/reconcile.ts";
import type { DaySpan, LedgerFigure } from "../domain/reconcile.ts";
import type { Database } from "./pool.ts";
import { query } from "./query.ts";

const ledgerFigures = query("reconcile/ledger-figures");
const openFigures = query("reconcile/open-figures");

/** What the books say of a span of days; what has no end yet stands on the day of `now`. */
export async function readLedgerFigures(
  database: Database,
  span: DaySpan,
  now: Date,
): Promise<LedgerFigure[]> {
  const [since, until] = [new Date(`${span.since}T00:00:00Z`), new Date(`${span.until}T00:00:00Z`)];
  const ended = (await ledgerFigures(database, [since, until])).rows.map((row) => ({
    day: row.day,
    since: row.since,
    ...commonOf(row),
    attempts: row.attempts,
    settledNano: row.settled_nano,
    presumedNano: row.presumed_nano,
    openNano: 0n,
  }));
  const open = (await openFigures(database, [])).rows.map((row) => ({
    day: dayText(now.getTime()),
    since: row.since,
    ...commonOf(row),
    attempts: 0,
    settledNano: 0n,
    presumedNano: 0n,
    openNano: row.open_nano,
  }));
  return [...ended, ...open];
}

const commonOf = (row: { model: string; lane: string; provider_id: string | null }) => ({
  model: findModel(row.model)?.id ?? row.model,
  lane: (row.lane === "batch" ? "batch" : "realtime") satisfies Lane as Lane,
  batchId: row.provider_id,
});
