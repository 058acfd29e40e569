// A bulk on its way, seen from outside.

import pg from "pg";
import type { BenchInstallation } from "./installation.ts";

interface BulkView {
  state: string;
  accepted: number;
  counts: { outcome: Record<string, number> };
  progress: { done: number };
  cost_usd: string;
}

const lookEveryMs = 200;
const stuckMs = 120_000;

/** Waits until every line of a bulk has its outcome. Throws when nothing has moved for two minutes. */
export async function waitForBulk(
  installation: BenchInstallation,
  id: string,
  onLook: (done: number) => void,
): Promise<BulkView> {
  let moved = { done: -1, atMs: performance.now() };
  for (;;) {
    const bulk = await installation.call<BulkView>("GET", `/v1/bulks/${id}`);
    if (bulk.state === "finished") return bulk;
    const { done } = bulk.progress;
    if (done !== moved.done) moved = { done, atMs: performance.now() };
    if (performance.now() - moved.atMs > stuckMs)
      throw new Error(`the bulk stands at ${done} of ${bulk.accepted}`);
    onLook(done);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

/** What is in the books for a bulk; a benchmark of work that was not done is worth nothing. */
export async function requireBooked(
  installation: BenchInstallation,
  { id, lines }: { id: string; lines: number },
): Promise<void> {
  const client = new pg.Client({ connectionString: installation.databaseUrl });
  await client.connect();
  const { rows } = await client.query<Record<string, string>>(
    `SELECT (SELECT count(*) FROM jobs WHERE bulk_id = $1 AND state = 'succeeded') AS succeeded,
            (SELECT count(*) FROM jobs j JOIN job_results r ON r.job_id = j.id WHERE j.bulk_id = $1) AS results,
            (SELECT count(*) FROM ledger WHERE bulk_id = $1) AS entries,
            (SELECT sum(held_nano) FROM budget_windows) AS held_nano`,
    [id],
  );
  await client.end();
  const expected = {
    succeeded: String(lines),
    results: String(lines),
    entries: String(lines),
    held_nano: "0",
  };
  if (JSON.stringify(rows[0]) !== JSON.stringify(expected))
    throw new Error(
      `not everything is booked: ${JSON.stringify(rows[0])} instead of ${JSON.stringify(expected)}`,
    );
}
