// The referee: what must be true after every end-to-end and fault test, read from the simulator's bill and from the rows, never
// from what the product says about itself. It throws with everything that is wrong.

import type { QueueBackend } from "../../src/queue/backend.ts";
import type { Simulator } from "../../src/simulator/server.ts";
import { wrongAttempts } from "./bill.ts";
import type { Queryable } from "./steady-client.ts";
import { waitFor } from "./wait.ts";

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
  {
    says: "spent and held stay under the limit",
    sql: "SELECT id FROM budget_windows WHERE spent_nano + held_nano > limit_nano AND overrun_nano = 0",
  },
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
    says: "no line is paid in two message batches",
    sql: "SELECT id FROM message_batches WHERE paid_twice > 0",
  },
  {
    says: "a finished job is nobody's",
    sql: "SELECT id FROM jobs WHERE finished_at IS NOT NULL AND (process_id IS NOT NULL OR lease_until IS NOT NULL)",
  },
  {
    says: "a process that may have died has been declared dead",
    sql: "SELECT id FROM processes WHERE ended_at IS NULL AND reaped_at IS NULL AND lease_until < now() - interval '10 s'",
  },
  { says: "no upload is half done", sql: "SELECT key FROM idempotency_keys WHERE status IS NULL" },
  {
    says: "attempts that may have cost are counted, and within their number",
    sql: `SELECT j.id FROM jobs j WHERE j.attempts_paid - j.continuations > j.attempts_max OR j.attempts_paid <>
            (SELECT count(*) FROM attempts a WHERE a.job_id = j.id AND a.state IN ('settled', 'presumed'))`,
  },
  {
    says: "every continuation is an attempt behind a paused one",
    sql: `SELECT j.id FROM jobs j WHERE j.continuations <> (SELECT count(*) FROM job_turns t JOIN attempts a ON a.job_id = t.job_id AND a.no = t.attempt_no
             WHERE t.job_id = j.id AND a.outcome = 'paused' AND a.state IN ('settled', 'presumed') AND a.no < j.attempt_no)`,
  },
  {
    says: "no attempt goes on with a bulk's totals beyond their caps",
    sql: `SELECT b.id FROM bulks b WHERE (b.caps ->> 'bulk_attempts_max')::bigint <
            (SELECT sum(j.attempts_paid) FROM jobs j WHERE j.bulk_id = b.id)`,
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
export async function judge(db: Queryable, simulator: Simulator): Promise<RefereeReport> {
  const report = await readReport(db, simulator);
  const wrong = [
    ...(await brokenRules(db)),
    ...(await wrongBatches(db, simulator)),
    ...(await wrongAttempts(db, simulator)),
    ...wrongSums(report),
    ...(await passedCeilings(db)),
  ];
  if (wrong.length > 0) throw new Error(`the referee objects:\n  ${wrong.join("\n  ")}`);
  return report;
}

async function brokenRules(db: Queryable): Promise<string[]> {
  const wrong: string[] = [];
  for (const { says, sql } of rules) {
    // oxlint-disable-next-line no-await-in-loop -- one connection
    const { rows } = await db.query<Record<string, unknown>>(sql);
    if (rows.length > 0)
      wrong.push(`${says}: not so for ${rows.length} (${JSON.stringify(Object.values(rows[0] ?? {}))} …)`);
  }
  return wrong;
}

async function readReport(db: Queryable, simulator: Simulator): Promise<RefereeReport> {
  const { rows } = await db.query<{ jobs: string; ledger: string; presumed: string }>(
    `SELECT (SELECT count(*) FROM jobs) AS jobs, (SELECT coalesce(sum(amount_nano), 0) FROM ledger) AS ledger,
            (SELECT coalesce(sum(cost_nano), 0) FROM attempts WHERE state = 'presumed') AS presumed`,
  );
  const [row = { jobs: "0", ledger: "0", presumed: "0" }] = rows;
  return {
    jobs: Number(row.jobs),
    ledgerNano: BigInt(row.ledger),
    presumedNano: BigInt(row.presumed),
    invoiceNano: await simulator.totalNano(),
  };
}

function wrongSums({ ledgerNano, presumedNano, invoiceNano }: RefereeReport): string[] {
  if (ledgerNano < invoiceNano) return [`the ledger (${ledgerNano}) is below the bill (${invoiceNano})`];
  if (ledgerNano - presumedNano > invoiceNano)
    return [`the ledger (${ledgerNano}, ${presumedNano} presumed) is above the bill (${invoiceNano})`];
  return [];
}

async function passedCeilings(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ spent: string; limit: string }>(
    "SELECT spent_nano AS spent, limit_nano AS limit FROM budget_windows WHERE spent_nano > limit_nano",
  );
  return rows.map((row) => `spent ${row.spent} above the limit ${row.limit}`);
}

/** Every message batch at the provider is one of ours, and what it was billed is what its attempts were settled for. */
async function wrongBatches(db: Queryable, { world }: Simulator): Promise<string[]> {
  const { rows } = await db.query<{ provider_id: string; settled: string }>(
    `SELECT b.provider_id, coalesce(sum(a.cost_nano), 0) AS settled
       FROM message_batches b LEFT JOIN attempts a ON a.message_batch_id = b.id
      WHERE b.provider_id IS NOT NULL GROUP BY b.id`,
  );
  const settled = new Map(rows.map((row) => [row.provider_id, BigInt(row.settled)]));
  return world.batches.all().flatMap(({ id }) => {
    const billed = world.invoice.batchNano(id);
    if (!settled.has(id)) return [`message batch ${id}, billed ${billed}, is not known`];
    return settled.get(id) === billed
      ? []
      : [`message batch ${id} was settled for ${settled.get(id)} and billed ${billed}`];
  });
}

/** What the lanes' queues must not hold when there is nothing to do: entries that wait, run or come later. */
export async function judgeQueues(backend: QueueBackend): Promise<void> {
  for (const name of ["realtime", "message-batches"]) {
    // oxlint-disable-next-line no-await-in-loop -- two
    const queue = await backend.createQueue(name);
    // An entry completes a moment after the row that it stands for.
    // oxlint-disable-next-line no-await-in-loop
    await waitFor(
      `the queue ${name} to hold nothing`,
      async () => (await queue.getJobCountByTypes("wait", "active", "delayed", "prioritized")) === 0,
      { timeoutMs: 20_000, everyMs: 200 },
    );
  }
}

/** What an installation whose processes have all been ended or killed must not leave behind. */
export async function judgeEnd(db: Queryable): Promise<void> {
  const { rows } = await db.query(
    `SELECT 'lease' AS kind, name AS id FROM leases WHERE expires_at > now()
      UNION ALL SELECT 'process', id FROM processes WHERE ended_at IS NULL AND reaped_at IS NULL`,
  );
  if (rows.length > 0) throw new Error(`the referee objects: left behind are ${JSON.stringify(rows)}`);
}
