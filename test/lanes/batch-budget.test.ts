// Packing and money: what fits goes, what does not waits with its reason, nothing passes the ceiling.
import { afterEach, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture, FixtureOptions } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

let fixture: BatchFixture;
const open = async (options: FixtureOptions = {}): Promise<BatchFixture> =>
  (fixture = await openBatchFixture(options));
afterEach(() => fixture.close());

/** A budget of the queue `default`. */
const setBudget = (limitNano: bigint, window: "day" | "total" = "total"): Promise<unknown> =>
  fixture.rows(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind)
     SELECT $1, q.tenant_id, 'queue', q.id, 'test', $2, $3 FROM queues q WHERE q.name = 'default'`,
    [newId(), limitNano, window],
  );

/** The worst cost of one line, learned from a batch that is formed and rolled into nothing. */
async function worstOfOneLine(): Promise<bigint> {
  const [row] = await fixture.rows<{ worst: bigint }>("SELECT max(worst_nano) AS worst FROM attempts");
  return row?.worst ?? 0n;
}

test("a ceiling lets part of the lines through; the rest waits for the budget and goes on after a raise", async () => {
  await open();
  await fixture.submit(1);
  await fixture.drive();
  const worst = await worstOfOneLine();
  await setBudget(worst * 40n);
  await fixture.submit(120);
  const { batchIds } = await fixture.lane.collector.runOnce();
  expect(batchIds).toHaveLength(1);
  const [first] = await fixture.rows<{ line_count: number }>(
    "SELECT line_count FROM message_batches WHERE state = 'intent'",
  );
  expect(first?.line_count).toBeGreaterThan(30);
  expect(first?.line_count).toBeLessThan(50);
  expect(await fixture.rows("SELECT held_nano <= limit_nano AS fits FROM budget_windows")).toEqual([
    { fits: true },
  ]);
  await fixture.drive(
    async () =>
      (await fixture.rows("SELECT 1 FROM message_batches WHERE state NOT IN ('ingested', 'refused')"))
        .length === 0,
  );
  expect(await fixture.rows("SELECT DISTINCT wait_reason FROM jobs WHERE state = 'queued'")).toEqual([
    { wait_reason: "budget" },
  ]);
  // Its owner is told once, however often the collector has looked.
  expect(
    await fixture.rows("SELECT scope, owner FROM alerts WHERE kind = 'budget_committed' ORDER BY id"),
  ).toEqual([{ scope: "queue", owner: "test" }]);
  await fixture.rows("UPDATE budget_windows SET limit_nano = limit_nano * 100");
  fixture.lane.budgetChanged();
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 121 });
});

test("money that somebody else takes between the look and the lock is not promised twice", async () => {
  await open();
  await setBudget(10_000_000_000n);
  await fixture.submit(120);
  const { collector } = fixture.lane;
  // Another transaction holds the window while the batch is formed, and leaves nothing of it.
  await fixture.drive(
    async () =>
      (await fixture.rows("SELECT 1 FROM budget_windows")).length > 0 ||
      (await collector.runOnce()).batchIds.length > 0,
  );
  await fixture.drive();
  await fixture.submit(100, { word: "key" });
  const other = await fixture.pool.connect();
  await other.query("BEGIN");
  await other.query("UPDATE budget_windows SET held_nano = limit_nano - spent_nano");
  const collecting = collector.runOnce();
  await fixture.rows("SELECT pg_sleep(0.3)");
  await other.query("COMMIT");
  other.release();
  expect((await collecting).batchIds).toEqual([]);
  expect(await fixture.rows("SELECT count(*) AS n FROM jobs WHERE state = 'queued'")).toEqual([{ n: 100n }]);
  await fixture.rows("UPDATE budget_windows SET held_nano = 0");
  fixture.lane.budgetChanged();
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 220 });
});

test("a model without a price is refused by policy, and nothing of it is sent", async () => {
  await open();
  await fixture.submit(120);
  await fixture.rows("UPDATE jobs SET model = 'claude-mythos-5-2' WHERE line <= 3");
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ failed: 3, succeeded: 117 });
  expect(
    await fixture.rows(
      "SELECT DISTINCT failure_code, failure_fault, attempt_no FROM jobs WHERE state = 'failed'",
    ),
  ).toEqual([{ failure_code: "price_unknown", failure_fault: "policy", attempt_no: 0 }]);
});

test("packs are cut by lines, no two under way have the same count, and a full one does not linger", async () => {
  await open({ settings: { SLUICE_BATCH_LINES_MAX: "100", SLUICE_BATCH_LINGER_MS: "60000" } });
  await fixture.submit(250);
  const { batchIds } = await fixture.lane.collector.runOnce();
  expect(batchIds).toHaveLength(3);
  const counts = await fixture.rows<{ line_count: number }>(
    "SELECT line_count FROM message_batches ORDER BY id",
  );
  expect(counts.map((row) => row.line_count)).toEqual([100, 99, 51]);
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 250 });
});

test("packs are cut by bytes", async () => {
  await open({ settings: { SLUICE_BATCH_BYTES_MAX: "100000", SLUICE_LINE_BYTES_MAX: "50000" } });
  await fixture.submit(250);
  await fixture.drive();
  const batches = await fixture.rows<{ body_bytes: bigint; line_count: number }>(
    "SELECT body_bytes, line_count FROM message_batches",
  );
  expect(batches.length).toBeGreaterThan(1);
  for (const { body_bytes: bytes } of batches) expect(bytes).toBeLessThanOrEqual(100_000n);
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 250 });
});

test("a small bulk lingers for company; bulks of one queue share a pack and none is starved", async () => {
  await open({ settings: { SLUICE_BATCH_LINES_MAX: "100", SLUICE_BATCH_LINGER_MS: "30000" } });
  await fixture.submit(5);
  expect((await fixture.lane.collector.runOnce()).batchIds).toEqual([]);
  await fixture.submit(500, { word: "phone" });
  const { batchIds } = await fixture.lane.collector.runOnce();
  const [first] = batchIds;
  const shares = await fixture.rows<{ n: bigint }>(
    "SELECT count(*) AS n FROM jobs WHERE message_batch_id = $1 GROUP BY bulk_id ORDER BY n",
    [first],
  );
  expect(shares).toEqual([{ n: 5n }, { n: 95n }]);
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 505 });
});

test("a shut gate for one model lets the others of the bulk through", async () => {
  await open();
  await fixture.submit(120);
  await fixture.rows("UPDATE jobs SET model = 'claude-opus-5' WHERE line <= 30");
  const shut = fixture.another({
    gate: (scope) =>
      scope.model === "claude-opus-5"
        ? { open: false, why: "stop", flagId: "f", reason: "because" }
        : { open: true },
  });
  // The bulk is not complete without them, so the others linger first.
  await fixture.advance(2_000);
  await shut.collector.runOnce();
  expect(
    await fixture.rows(
      "SELECT model = 'claude-opus-5' AS stopped, state, count(*) AS n FROM jobs GROUP BY 1, 2 ORDER BY 1",
    ),
  ).toEqual([
    { stopped: false, state: "dispatched", n: 90n },
    { stopped: true, state: "queued", n: 30n },
  ]);
});

test("lines that wait for a day's budget are packed by themselves when the next day begins, and settle where they were held", async () => {
  const midnight = new Date();
  midnight.setUTCHours(24, 0, 0, 0);
  await open({ simulator: { startMs: midnight.getTime() - 20_000 } });
  await fixture.submit(1);
  await fixture.drive();
  const worst = await worstOfOneLine();
  await setBudget(worst * 40n, "day");
  await fixture.submit(60, { word: "key" });
  const { batchIds } = await fixture.lane.collector.runOnce();
  expect(batchIds).toHaveLength(1);
  expect(await fixture.rows("SELECT DISTINCT wait_reason FROM jobs WHERE state = 'queued'")).toEqual([
    { wait_reason: "budget" },
  ]);
  // What is held before midnight is answered after it.
  await fixture.advance(midnight.getTime() - fixture.simulator.world.clock.now());
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 61 });
  const windows = await fixture.rows<{ starts_at: Date; spent: boolean }>(
    "SELECT starts_at, spent_nano > 0 AS spent FROM budget_windows ORDER BY starts_at",
  );
  expect(windows.map(({ spent }) => spent)).toEqual([true, true]);
  expect(windows[1]?.starts_at).toEqual(midnight);
  const [held] = await fixture.rows<{ windows: number; first: boolean }>(
    `SELECT count(DISTINCT p.window_id)::int AS windows, bool_and(w.starts_at < $2) AS first
       FROM message_batches b JOIN hold_parts p ON p.hold_id = b.hold_id JOIN budget_windows w ON w.id = p.window_id WHERE b.id = $1`,
    [batchIds[0], midnight],
  );
  expect(held).toEqual({ windows: 1, first: true });
});
