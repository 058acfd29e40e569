// Our books beside the provider's figures, for a span of whole UTC days.

import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { compareBooks } from "../domain/reconcile.ts";
import type { ComparedRow, DaySpan } from "../domain/reconcile.ts";
import type { Pool } from "../postgres/pool.ts";
import { readLedgerFigures } from "../postgres/reconcile.ts";
import type { FigureSource } from "../provider/figures.ts";

export interface Reconciliation {
  readonly rows: readonly ComparedRow[];
  /** Models the provider billed and our table has no price for. */
  readonly unpriced: readonly string[];
  /** False where a row has more unexplained than is taken for a match, or something could not be priced. */
  readonly matches: boolean;
}

/** Compares; the provider's figures are read first, so that what is booked meanwhile is ours already. */
export async function reconcile(
  { pool, clock }: { pool: Pool; clock: Clock },
  source: FigureSource,
  span: DaySpan,
): Promise<Reconciliation> {
  const theirs = await source.read({
    since: new Date(`${span.since}T00:00:00Z`),
    until: new Date(`${span.until}T00:00:00Z`),
  });
  const ours = await readLedgerFigures(pool, span, clock.now());
  const rows = compareBooks(ours, theirs, span);
  const matches =
    theirs.unpriced.length === 0 &&
    rows.every((row) => row.unexplainedBasisPoints <= limits.unexplainedBasisPointsMax);
  return { rows, unpriced: theirs.unpriced, matches };
}
