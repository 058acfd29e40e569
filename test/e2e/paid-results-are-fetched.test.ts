// Promise 3: paid results are always fetched, also of message batches that end otherwise than by finishing. What the provider has
// answered before a batch expired or was cancelled is harvested and booked; what it has not goes back by policy.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { cancelBulk } from "../../src/control/cancel.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { setBudget, submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { labels, waitForRest } from "./fleet.ts";
import { batchesTake, hourMs, stateOf } from "./phases.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let installation: Installation;
beforeEach(async () => {
  installation = await openInstallation();
  await installation.start();
  await setBudget(installation.db, 1_000_000_000_000n);
});
afterEach(() => installation.close());

/** A bulk in a message batch that would take 36 hours, of which the provider has answered lines by now. */
async function bringHalfWay(advanceMs: number): Promise<string> {
  const { db, databaseUrl, simulator } = installation;
  batchesTake(installation, 36 * hourMs);
  const inputs = Array.from({ length: 1_000 }, (_, n) => ({
    text: `I lost my card number ${n}, please help`,
  }));
  const bulkId = await submitBulk(databaseUrl, { lane: "batch", inputs, shared: { labels } });
  await waitFor("the create", async () => (await stateOf(db, bulkId)) === "created", { timeoutMs: 30_000 });
  await simulator.advance(advanceMs);
  return bulkId;
}

const outcomesOf = async (bulkId: string): Promise<Record<string, number>> => {
  const { rows } = await installation.db.query<{ state: string; n: number }>(
    "SELECT state, count(*)::int AS n FROM jobs WHERE bulk_id = $1 GROUP BY state",
    [bulkId],
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
};

test("an expired message batch: its answered lines are kept, the others run again, and each is paid once", async () => {
  const { db, simulator } = installation;
  const bulkId = await bringHalfWay(25 * hourMs);
  const [expired] = simulator.world.batches.all();
  expect(expired?.tally.succeeded).toBeGreaterThan(100);
  expect(expired?.tally.expired).toBeGreaterThan(100);
  batchesTake(installation, 300);
  await waitForRest(installation);
  expect(await outcomesOf(bulkId)).toEqual({ succeeded: 1_000 });
  const { rows } = await db.query<{ line_count: number }>(
    "SELECT line_count FROM message_batches ORDER BY id",
  );
  const [first, ...later] = rows.map((row) => row.line_count);
  expect(first).toBe(1_000);
  // The others go again as they are read, in one batch or several, and each line once.
  expect(later.reduce((sum, lines) => sum + lines, 0)).toBe(expired?.tally.expired);
  const report = await judge(db, simulator);
  expect(report.ledgerNano).toBe(report.invoiceNano);
});

test("a canceled message batch: what was answered by then is fetched and booked, the rest is not paid", async () => {
  const { db, databaseUrl, simulator } = installation;
  const bulkId = await bringHalfWay(18 * hourMs);
  const pool = openPool(databaseUrl, { max: 1, applicationName: "test", log: silentLog });
  const { rows: owner } = await db.query<{ id: string }>("SELECT tenant_id AS id FROM bulks");
  await cancelBulk(
    { database: pool, log: silentLog },
    { id: bulkId, tenantId: owner[0]?.id ?? "", actor: "test", reason: "no longer wanted" },
  );
  await pool.end();
  await waitForRest(installation);
  const [batch] = simulator.world.batches.all();
  const billed = batch?.tally.succeeded ?? 0;
  expect(billed).toBeGreaterThan(100);
  expect(batch?.tally.canceled).toBeGreaterThan(100);
  // The jobs had their outcome when the caller said so; what had been answered is fetched all the same, and booked with its usage.
  expect(await outcomesOf(bulkId)).toEqual({ canceled: 1_000 });
  const { rows } = await db.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM ledger l JOIN attempts a ON a.job_id = l.job_id AND a.no = l.attempt_no WHERE a.usage IS NOT NULL",
  );
  expect(rows[0]?.n).toBe(billed);
  const report = await judge(db, simulator);
  expect(report.ledgerNano).toBe(report.invoiceNano);
});
