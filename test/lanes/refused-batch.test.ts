// A 403 in the batch lane: of a create, of lines, of one model or several; and in what order refusals are lifted.
import { afterEach, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { limits } from "../../src/config/limits.ts";
import { readCredential, refuseModel, resumeCredential } from "../../src/postgres/credentials.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { silentLog } from "../../src/observe/log.ts";
import { createBreaker } from "../../src/upkeep/breaker.ts";
import { cloneDatabase } from "../support/stores.ts";
import { submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";
import { allowed, mixed, refused } from "./two-models.ts";

let fixture: BatchFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

const createPath = "/v1/messages/batches";

/** Asks the breaker about all that was done; answers how many queues or tenants it has paused for it. */
const trips = ({ pool }: BatchFixture): Promise<number> =>
  createBreaker({
    pool,
    newId,
    log: silentLog,
    rules: {
      factor: 0,
      floorNano: 0n,
      hourlyNano: null,
      failurePct: 0,
      retryPct: 40,
      attemptsMin: 20,
      historyHoursMin: limits.breakerHistoryHoursMin,
    },
  }).runOnce();

test("a create of several models that is refused is sent again by model: one is held back, the other goes on", async () => {
  fixture = await openBatchFixture();
  const { simulator, rows } = fixture;
  simulator.addFault({
    action: "error",
    match: { path: createPath, method: "POST", contains: refused },
    times: null,
    params: { status: 403 },
  });
  await submitBulk(fixture.databaseUrl, { lane: "batch", type: "message", inputs: mixed(30) });
  await fixture.drive(async () => (await rows("SELECT 1 FROM jobs WHERE state = 'succeeded'")).length === 30);
  expect(await rows("SELECT DISTINCT model, wait_reason FROM jobs WHERE state = 'queued'")).toEqual([
    { model: refused, wait_reason: "credential" },
  ]);
  expect(await rows("SELECT stopped_at FROM credentials")).toEqual([{ stopped_at: null }]);
  expect(await rows("SELECT model FROM refused_models")).toEqual([{ model: refused }]);
  simulator.world.faults.clear(null);
  await fixture.drive();
  const batches = await rows<{ state: string; line_count: number }>(
    "SELECT state, line_count FROM message_batches ORDER BY created_at, id",
  );
  // No two that are open have the same number of lines: a second pack of thirty is one of 29 and one of 1.
  expect(batches.map(({ state, line_count: count }) => `${state} ${count}`).toSorted()).toEqual([
    "ingested 1",
    "ingested 1",
    "ingested 29",
    "ingested 29",
    "refused 30",
    "refused 60",
  ]);
  // Whatever comes again was held back; the breaker sees no repetition in it.
  expect(await rows("SELECT DISTINCT retry_reason FROM attempts WHERE no > 1 ORDER BY 1")).toContainEqual({
    retry_reason: "mixed_refused",
  });
  expect(await trips(fixture)).toBe(0);
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 60 });
});

test("a create of several models that is refused for the key stops the key once two models have said so", async () => {
  fixture = await openBatchFixture();
  const { simulator, rows } = fixture;
  simulator.addFault({
    action: "error",
    match: { path: createPath, method: "POST" },
    times: null,
    params: { status: 403 },
  });
  await submitBulk(fixture.databaseUrl, { lane: "batch", type: "message", inputs: mixed(30) });
  await fixture.drive(
    async () => (await rows("SELECT 1 FROM credentials WHERE stopped_at IS NOT NULL")).length === 1,
  );
  expect(await rows("SELECT model FROM refused_models ORDER BY model")).toEqual([
    { model: allowed },
    { model: refused },
  ]);
  simulator.world.faults.clear(null);
  await fixture.drive();
  expect(await rows("SELECT stopped_at FROM credentials")).toEqual([{ stopped_at: null }]);
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 60 });
});

test("two models refused among the lines of a batch that was accepted do not mean the key", async () => {
  fixture = await openBatchFixture();
  const { simulator, rows } = fixture;
  simulator.addFault({ action: "errored", match: {}, times: null, params: { status: 403 } });
  await submitBulk(fixture.databaseUrl, { lane: "batch", type: "message", inputs: mixed(30) });
  await fixture.drive(
    async () => (await rows("SELECT 1 FROM jobs WHERE wait_reason = 'credential'")).length === 60,
  );
  expect(await rows("SELECT model, proved FROM refused_models ORDER BY model")).toEqual([
    { model: allowed, proved: true },
    { model: refused, proved: true },
  ]);
  expect(await rows("SELECT stopped_at FROM credentials")).toEqual([{ stopped_at: null }]);
  simulator.world.faults.clear(null);
  await fixture.drive();
  expect(await rows("SELECT DISTINCT retry_reason FROM attempts WHERE no > 1 ORDER BY 1")).toContainEqual({
    retry_reason: "model_refused",
  });
  expect(await trips(fixture)).toBe(0);
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 60 });
});

test("what lifts refusals locks models in their order, and the credential behind them", async () => {
  const database = await cloneDatabase();
  const pool = openPool(database.url, { max: 4, applicationName: "test", log: silentLog });
  const now = new Date();
  try {
    await refuseModel(pool, "default", { model: "b", now });
    await refuseModel(pool, "default", { model: "a", now });
    const other = await pool.connect();
    await other.query("BEGIN; SELECT 1 FROM refused_models WHERE model = 'a' FOR UPDATE");
    const sentAt = new Date(now.getTime() + 60_000);
    const lifted = resumeCredential(pool, "default", { sentAt, models: ["b"] });
    await waitFor("it to wait for the first model", async () => {
      const { rows } = await pool.query("SELECT 1 FROM pg_locks WHERE NOT granted");
      return rows.length > 0;
    });
    await pool.query("SELECT 1 FROM credentials WHERE id = 'default' FOR UPDATE NOWAIT");
    await pool.query("SELECT 1 FROM refused_models WHERE model = 'b' FOR UPDATE NOWAIT");
    await other.query("COMMIT");
    other.release();
    await lifted;
    const credential = await readCredential(pool, "default");
    expect(credential?.stoppedAt).toBeNull();
    expect([...(credential?.refusedModels.keys() ?? [])]).toEqual(["a"]);
  } finally {
    await pool.end();
    await database.drop();
  }
});
