// A model that the provider refuses to the key holds back its own work, and no other.
import { afterEach, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { readCredential, refuseModel, resumeCredential } from "../../src/postgres/credentials.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { cloneDatabase } from "../support/stores.ts";
import { submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { batchLaneBounds } from "../../src/lanes/batch/bounds.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

const refused = "claude-sonnet-4-6";
const allowed = "claude-haiku-4-5";

let installation: Installation | undefined;
let fixture: BatchFixture | undefined;
afterEach(async () => {
  await installation?.close();
  await fixture?.close();
  installation = undefined;
  fixture = undefined;
});

/** The refused model's jobs in front of the others. */
const mixed = (each: number): Record<string, unknown>[] =>
  [refused, allowed].flatMap((model) =>
    Array.from({ length: each }, (_, n) => ({
      model,
      max_tokens: 64,
      messages: [{ role: "user", content: `What is ${n} and ${n}?` }],
    })),
  );

async function jobsBy(db: Installation["db"]): Promise<Record<string, number>> {
  const { rows } = await db.query<{ name: string; n: number }>(
    "SELECT model || ' ' || state || ' ' || coalesce(wait_reason, '-') AS name, count(*)::integer AS n FROM jobs GROUP BY 1",
  );
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
}

test("a model that is refused waits alone, with an alert, and goes on when a person allows it", async () => {
  installation = await openInstallation();
  const { db, simulator } = installation;
  simulator.addFault({
    action: "error",
    match: { path: "/v1/messages", model: refused },
    times: null,
    params: { status: 403 },
  });
  await installation.start();
  await submitBulk(installation.databaseUrl, { lane: "realtime", type: "message", inputs: mixed(200) });
  await waitFor(
    "the work of the other model",
    async () => (await jobsBy(db))[`${allowed} succeeded -`] === 200,
    {
      timeoutMs: 25_000,
    },
  );
  await waitFor(
    "its own work to be told",
    async () => (await jobsBy(db))[`${refused} queued credential`] !== undefined,
  );
  const { rows: credentials } = await db.query("SELECT stopped_at FROM credentials");
  expect(credentials).toEqual([{ stopped_at: null }]);
  const { rows: alerts } = await db.query("SELECT kind, scope, target FROM alerts");
  expect(alerts).toEqual([{ kind: "model_refused", scope: "model", target: refused }]);
  const { rows: calls } = await db.query<{ n: number }>(
    "SELECT count(*)::integer AS n FROM attempts WHERE outcome = 'model_refused'",
  );
  // What was on its way when it was refused first, and nothing after that.
  expect(calls[0]?.n).toBeLessThan(200);
  simulator.world.faults.clear(null);
  await db.query("DELETE FROM refused_models; SELECT pg_notify('sluice_work', '')");
  await waitFor("all to succeed", async () => (await jobsBy(db))[`${refused} succeeded -`] === 200, {
    timeoutMs: 25_000,
  });
  await waitFor(
    "the bulk to end",
    async () => (await db.query("SELECT 1 FROM bulks WHERE finished_at IS NULL")).rows.length === 0,
  );
  await judge(db, simulator);
});

test("a model that is allowed again is found by a probe of one job", async () => {
  installation = await openInstallation();
  const { db, simulator } = installation;
  // Refused a good minute ago, and allowed since.
  await db.query(
    "INSERT INTO refused_models (credential_id, model, since, refused_at) VALUES ('default', $1, now() - interval '1 h', now() - interval '55 s')",
    [refused],
  );
  await installation.start();
  await submitBulk(installation.databaseUrl, { lane: "realtime", type: "message", inputs: mixed(20) });
  await waitFor("the other model", async () => (await jobsBy(db))[`${allowed} succeeded -`] === 20);
  await waitFor("the refused one", async () => (await jobsBy(db))[`${refused} succeeded -`] === 20, {
    timeoutMs: 30_000,
  });
  const { rows } = await db.query<{ first: Date; second: Date }>(
    "SELECT min(sent_at) AS first, (array_agg(sent_at ORDER BY sent_at))[2] AS second FROM attempts WHERE model = $1",
    [refused],
  );
  // One went ahead; the rest followed its answer.
  expect((rows[0]?.second.getTime() ?? 0) - (rows[0]?.first.getTime() ?? 0)).toBeGreaterThan(0);
  expect((await db.query("SELECT 1 FROM refused_models")).rows).toEqual([]);
  await waitFor(
    "the bulk to end",
    async () => (await db.query("SELECT 1 FROM bulks WHERE finished_at IS NULL")).rows.length === 0,
  );
  await judge(db, simulator);
});

test("two models refused within a minute mean the key, unless something was answered between them", async () => {
  const database = await cloneDatabase();
  const pool = openPool(database.url, { max: 2, applicationName: "test", log: silentLog });
  const at = (seconds: number): Date => new Date(Date.UTC(2026, 10, 25) + seconds * 1_000);
  try {
    expect(await refuseModel(pool, "default", { model: "a", now: at(0) })).toBe(false);
    expect(await refuseModel(pool, "default", { model: "a", now: at(1) })).toBe(false);
    expect(await refuseModel(pool, "default", { model: "b", now: at(30) })).toBe(true);
    expect((await readCredential(pool, "default"))?.stopReason).toBe("credential_refused");
    // The key is good for another model: both refusals are proved to be their models' own, and stay.
    await resumeCredential(pool, "default", { sentAt: at(90), models: ["c"] });
    const credential = await readCredential(pool, "default");
    expect(credential?.stoppedAt).toBeNull();
    expect([...(credential?.refusedModels.keys() ?? [])]).toEqual(["a", "b"]);
    expect(await refuseModel(pool, "default", { model: "a", now: at(91) })).toBe(false);
    expect(await refuseModel(pool, "default", { model: "d", now: at(92) })).toBe(false);
    // An answer to the model itself lifts it, if it was sent after its last refusal.
    await resumeCredential(pool, "default", { sentAt: at(91), models: ["a", "b"] });
    expect([...((await readCredential(pool, "default"))?.refusedModels.keys() ?? [])]).toEqual(["a", "d"]);
  } finally {
    await pool.end();
    await database.drop();
  }
});

test("lines of a refused model come back and wait, the others of their batch are answered, and a probe finds it allowed", async () => {
  fixture = await openBatchFixture();
  const { simulator, rows } = fixture;
  const fault = {
    action: "errored",
    match: { model: refused },
    times: null,
    params: { status: 403 },
  } as const;
  simulator.addFault(fault);
  await submitBulk(fixture.databaseUrl, { lane: "batch", type: "message", inputs: mixed(30) });
  const waiting = async (): Promise<boolean> =>
    (await rows("SELECT 1 FROM jobs WHERE state = 'queued' AND wait_reason = 'credential'")).length === 30;
  await fixture.drive(waiting);
  expect(await rows("SELECT count(*) AS n FROM jobs WHERE state = 'succeeded'")).toEqual([{ n: 30n }]);
  expect(await rows("SELECT kind, target FROM alerts")).toEqual([{ kind: "model_refused", target: refused }]);
  expect(await rows("SELECT stopped_at FROM credentials")).toEqual([{ stopped_at: null }]);
  simulator.world.faults.clear(null);
  await fixture.drive();
  const batches = await rows("SELECT line_count FROM message_batches ORDER BY created_at");
  expect(batches).toEqual([{ line_count: 60 }, { line_count: 1 }, { line_count: 29 }]);
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 60 });
});

test("in the batch lane, too, the try goes to a line that has room", async () => {
  fixture = await openBatchFixture();
  const { rows, databaseUrl } = fixture;
  const submit = (): Promise<string> =>
    submitBulk(databaseUrl, { lane: "batch", type: "message", inputs: mixed(5).slice(0, 5) });
  const [poor, rich] = [await submit(), await submit()];
  await rows(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind)
     SELECT $1, tenant_id, 'bulk', id, 'test', 1, 'total' FROM bulks WHERE id = $2`,
    [newId(), poor],
  );
  const hourAgo = new Date(fixture.deps.clock.now().getTime() - 3_600_000);
  await rows(
    "INSERT INTO refused_models (credential_id, model, since, refused_at) VALUES ('default', $1, $2, $2)",
    [refused, hourAgo],
  );
  const done = async (bulk: string): Promise<boolean> =>
    (await rows("SELECT 1 FROM jobs WHERE bulk_id = $1 AND state = 'succeeded'", [bulk])).length === 5;
  await fixture.drive(() => done(rich));
  expect(await rows("SELECT DISTINCT state, wait_reason FROM jobs WHERE bulk_id = $1", [poor])).toEqual([
    { state: "queued", wait_reason: "budget" },
  ]);
  await rows("UPDATE budgets SET limit_nano = 1000000000000");
  await rows("UPDATE budget_windows SET limit_nano = 1000000000000");
  fixture.lane.budgetChanged();
  await fixture.drive();
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 10 });
});

const createPath = "/v1/messages/batches";

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

const poison = "Refuse me";
const ask = (content: string): Record<string, unknown> => ({
  model: allowed,
  max_tokens: 64,
  messages: [{ role: "user", content }],
});
const asks = (count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, n) => ask(`What is ${n} and ${n}?`));
const endOfPoison = [{ state: "failed", failure_code: "request_forbidden", failure_fault: "policy" }];

test("a request that is refused while its model answers others fails, and holds nobody back", async () => {
  installation = await openInstallation();
  const { db, simulator, databaseUrl } = installation;
  simulator.addFault({
    action: "error",
    match: { path: "/v1/messages", contains: poison },
    times: null,
    params: { status: 403 },
  });
  await installation.start();
  const bulk = await submitBulk(databaseUrl, { lane: "realtime", type: "message", inputs: [ask(poison)] });
  const rowsOf = async (text: string): Promise<unknown[]> => (await db.query(text)).rows;
  for (let turn = 1; turn <= 3; turn += 1) {
    // oxlint-disable no-await-in-loop -- one refusal after the other
    await waitFor("it to be refused", async () => {
      const { rows } = await db.query("SELECT 1 FROM attempts WHERE outcome = 'model_refused'");
      return rows.length >= turn;
    });
    if (turn === 3) break;
    await submitBulk(databaseUrl, { lane: "realtime", type: "message", inputs: asks(5) });
    await waitFor(
      "others to be answered",
      async () => {
        // A minute is over.
        await db.query("UPDATE refused_models SET refused_at = now() - interval '61 s', probed_at = NULL");
        return (await rowsOf("SELECT 1 FROM jobs WHERE state = 'succeeded'")).length === 5 * turn;
      },
      { timeoutMs: 25_000 },
    );
    // oxlint-enable no-await-in-loop
  }
  await waitFor(
    "it to fail",
    async () =>
      (await rowsOf(`SELECT 1 FROM bulks WHERE id = '${bulk}' AND finished_at IS NOT NULL`)).length === 1,
  );
  expect(
    await rowsOf(`SELECT state, failure_code, failure_fault FROM jobs WHERE bulk_id = '${bulk}'`),
  ).toEqual(endOfPoison);
  expect(await rowsOf("SELECT 1 FROM refused_models")).toEqual([]);
  await waitFor(
    "the bulks to end",
    async () => (await rowsOf("SELECT 1 FROM bulks WHERE finished_at IS NULL")).length === 0,
  );
  await judge(db, simulator);
}, 90_000);

test("so does a line that is refused while its model answers others", async () => {
  fixture = await openBatchFixture();
  const { simulator, rows, databaseUrl } = fixture;
  simulator.addFault({
    action: "errored",
    match: { contains: poison },
    times: null,
    params: { status: 403 },
  });
  const submit = (inputs: Record<string, unknown>[]): Promise<string> =>
    submitBulk(databaseUrl, { lane: "batch", type: "message", inputs });
  const bulk = await submit([ask(poison)]);
  for (let turn = 1; turn <= 3; turn += 1) {
    // oxlint-disable no-await-in-loop -- one refusal after the other
    await submit(asks(5));
    await fixture.drive(async () => {
      const [row] = await rows<{ done: number; open: number }>(
        `SELECT count(*) FILTER (WHERE state = 'succeeded')::integer AS done, count(*) FILTER (WHERE state IN ('dispatched', 'running'))::integer AS open FROM jobs`,
      );
      return row?.done === 5 * turn && row.open === 0;
    });
    await fixture.advance(batchLaneBounds.modelProbeMs);
    // oxlint-enable no-await-in-loop
  }
  await fixture.drive();
  expect(
    await rows("SELECT state, failure_code, failure_fault FROM jobs WHERE bulk_id = $1", [bulk]),
  ).toEqual(endOfPoison);
  expect(await rows("SELECT stopped_at FROM credentials")).toEqual([{ stopped_at: null }]);
  expect((await judgeLane(fixture)).jobs).toEqual({ failed: 1, succeeded: 15 });
}, 90_000);
