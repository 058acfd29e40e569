// The referee: what must be true after every end-to-end and fault test, read from the simulator's bill and from the rows, never
// from what the product says about itself. It throws with everything that is wrong.

import type pg from "pg";
import type { Simulator } from "../../src/simulator/server.ts";

export interface RefereeReport {
  jobs: number;
  ledgerNano: bigint;
  presumedNano: bigint;
  invoiceNano: bigint;
}

const rules: readonly { says: string; sql: string }[] = [
  { says: "every accepted job has an outcome", sql: "SELECT id FROM jobs WHERE finished_at IS NULL" },
  { says: "every bulk knows that it is finished", sql: "SELECT id FROM bulks WHERE finished_at IS NULL" },
  {
    says: "every accepted line is a job",
    sql: "SELECT b.id FROM bulks b WHERE b.accepted <> (SELECT count(*) FROM jobs j WHERE j.bulk_id = b.id)",
  },
  { says: "no attempt is left open", sql: "SELECT job_id FROM attempts WHERE state = 'open'" },
  {
    says: "no hold is left open but a void batch's",
    sql: `SELECT h.id FROM holds h WHERE h.state = 'open' AND NOT EXISTS
            (SELECT 1 FROM message_batches b WHERE b.hold_id = h.id AND b.state = 'void')`,
  },
  {
    says: "held is the sum of the open holds",
    sql: `SELECT w.id FROM budget_windows w WHERE w.held_nano <>
            (SELECT coalesce(sum(p.remaining_nano), 0) FROM hold_parts p WHERE p.window_id = w.id)`,
  },
  { says: "spent and held stay under the limit", sql: "SELECT id FROM budget_windows WHERE spent_nano + held_nano > limit_nano AND overrun_nano = 0" },
  { says: "no settlement was above its hold", sql: "SELECT id FROM ledger WHERE overrun_nano > 0" },
  {
    says: "spent is what the ledger says of the window's attempts",
    sql: `SELECT w.id FROM budget_windows w WHERE w.spent_nano <>
            (SELECT coalesce(sum(l.amount_nano), 0) FROM ledger l JOIN attempts a ON a.job_id = l.job_id AND a.no = l.attempt_no
              WHERE w.id = ANY (a.window_ids))`,
  },
  {
    says: "a job's cost is what its ledger entries add up to",
    sql: `SELECT j.id FROM jobs j WHERE j.cost_nano <> (SELECT coalesce(sum(amount_nano), 0) FROM ledger l WHERE l.job_id = j.id)`,
  },
  {
    says: "an answered job has a result",
    sql: `SELECT j.id FROM jobs j LEFT JOIN job_results r ON r.job_id = j.id
           WHERE j.state IN ('succeeded', 'refused', 'truncated', 'invalid_output') AND r.job_id IS NULL`,
  },
  {
    says: "the tallies count what is there",
    sql: `WITH counted AS (SELECT bulk_id, lane, state, count(*) AS n, sum(cost_nano) AS cost FROM jobs GROUP BY 1, 2, 3),
               tallied AS (SELECT bulk_id, lane, state, sum(jobs) AS n, sum(cost_nano) AS cost FROM
                 (SELECT bulk_id, lane, state, jobs, cost_nano FROM job_tallies UNION ALL
                  SELECT bulk_id, lane, state, jobs, cost_nano FROM job_tally_changes) t GROUP BY 1, 2, 3)
          SELECT bulk_id FROM counted c FULL JOIN tallied t USING (bulk_id, lane, state)
           WHERE coalesce(c.n, 0) <> coalesce(t.n, 0) OR coalesce(c.cost, 0) <> coalesce(t.cost, 0)`,
  },
  {
    says: "no message batch is under way",
    sql: "SELECT id FROM message_batches WHERE state NOT IN ('ingested', 'refused', 'void')",
  },
];

/**
 * Judges an installation at rest. The ledger must equal the bill but for what was booked at worst case: presumed entries may
 * only be above it.
 */
export async function judge(db: pg.Client, simulator: Simulator): Promise<RefereeReport> {
  const wrong: string[] = [];
  for (const { says, sql } of rules) {
    const { rows } = await db.query<Record<string, unknown>>(sql);
    if (rows.length > 0) wrong.push(`${says}: not so for ${rows.length} (${JSON.stringify(Object.values(rows[0] ?? {}))} …)`);
  }
  const { rows } = await db.query<{ jobs: string; ledger: string; presumed: string }>(
    `SELECT (SELECT count(*) FROM jobs) AS jobs, (SELECT coalesce(sum(amount_nano), 0) FROM ledger) AS ledger,
            (SELECT coalesce(sum(cost_nano), 0) FROM attempts WHERE state = 'presumed') AS presumed`,
  );
  const ledgerNano = BigInt(rows[0]?.ledger ?? 0);
  const presumedNano = BigInt(rows[0]?.presumed ?? 0);
  const invoiceNano = await simulator.totalNano();
  if (ledgerNano < invoiceNano) wrong.push(`the ledger (${ledgerNano}) is below the bill (${invoiceNano})`);
  if (ledgerNano - presumedNano > invoiceNano) wrong.push(`the ledger (${ledgerNano}, ${presumedNano} presumed) is above the bill (${invoiceNano})`);
  const { rows: caps } = await db.query<{ spent: string; limit: string }>("SELECT spent_nano AS spent, limit_nano AS limit FROM budget_windows");
  for (const cap of caps) if (BigInt(cap.spent) > BigInt(cap.limit)) wrong.push(`spent ${cap.spent} above the limit ${cap.limit}`);
  if (wrong.length > 0) throw new Error(`the referee objects:\n  ${wrong.join("\n  ")}`);
  return { jobs: Number(rows[0]?.jobs ?? 0), ledgerNano, presumedNano, invoiceNano };
}
