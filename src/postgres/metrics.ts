// The figures behind /metrics: sums and quantiles, without a name of anybody.
import type { Database } from "./pool.ts";
import { query, queryOne, type RowOf } from "./query.ts";

const jobRows = query("metrics/jobs");
const latencyRows = query("metrics/latency");
const gaugesRow = queryOne("metrics/gauges");

export interface Figures {
  readonly jobs: readonly RowOf<"metrics/jobs">[];
  readonly latency: readonly RowOf<"metrics/latency">[];
  readonly gauges: RowOf<"metrics/gauges">;
}

/** Reads all of them; `entriesMax` ledger entries for the quantiles, `bulksMax` bulks for the oldest waiting job. */
export async function readFigures(
  database: Database,
  bounds: { entriesMax: number; bulksMax: number },
): Promise<Figures> {
  const [jobs, latency, gauges] = await Promise.all([
    jobRows(database, []),
    latencyRows(database, [bounds.entriesMax]),
    gaugesRow(database, [bounds.bulksMax]),
  ]);
  if (gauges === undefined) throw new Error("metrics/gauges returned no row");
  return { jobs: jobs.rows, latency: latency.rows, gauges };
}
