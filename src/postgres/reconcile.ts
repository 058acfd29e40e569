// The ledger as figures, for comparison with the provider's.

import { limits } from "../config/limits.ts";
import { findModel } from "../domain/models.ts";
import type { Lane } from "../domain/job.ts";
import { dayText } from "../domain/reconcile.ts";
import type { DaySpan, LedgerFigure } from "../domain/reconcile.ts";
import type { Database } from "./pool.ts";
import { query } from "./query.ts";

const clockSkewMs = 3_600_000;

const ledgerFigures = query("reconcile/ledger-figures");
const openFigures = query("reconcile/open-figures");

/** What the books say of a span of days; what has no end yet stands on the day of `now`. */
export async function readLedgerFigures(
  database: Database,
  span: DaySpan,
  now: Date,
): Promise<LedgerFigure[]> {
  const [since, until] = [new Date(`${span.since}T00:00:00Z`), new Date(`${span.until}T00:00:00Z`)];
  // Booked after it was answered, by clocks that may differ; corrections come at any time later.
  const firstMs = since.getTime() - clockSkewMs;
  const lastMs = now.getTime() + clockSkewMs;
  const ended: LedgerFigure[] = [];
  for (let fromMs = firstMs; fromMs < lastMs; fromMs += limits.reconcilePieceMs) {
    const piece: [Date, Date] = [
      new Date(fromMs),
      new Date(Math.min(fromMs + limits.reconcilePieceMs, lastMs)),
    ];
    // oxlint-disable-next-line no-await-in-loop -- short statements one after the other
    const { rows } = await ledgerFigures(database, [since, until, ...piece]);
    ended.push(...rows.map((row) => figureOf(row, row.day, row)));
  }
  const open = await openFigures(database, []);
  return [
    ...ended,
    ...open.rows.map((row) => figureOf(row, dayText(now.getTime()), { open_nano: row.open_nano })),
  ];
}

interface Place {
  readonly since: string;
  readonly model: string;
  readonly lane: string;
  readonly provider_id: string | null;
}

interface Sums {
  readonly attempts?: number;
  readonly settled_nano?: bigint;
  readonly presumed_nano?: bigint;
  readonly open_nano?: bigint;
}

const figureOf = (place: Place, day: string, sums: Sums): LedgerFigure => ({
  day,
  since: place.since,
  model: findModel(place.model)?.id ?? place.model,
  lane: laneOf(place.lane),
  batchId: place.provider_id,
  attempts: sums.attempts ?? 0,
  settledNano: sums.settled_nano ?? 0n,
  presumedNano: sums.presumed_nano ?? 0n,
  openNano: sums.open_nano ?? 0n,
});

const laneOf = (text: string): Lane => (text === "batch" ? "batch" : "realtime");
