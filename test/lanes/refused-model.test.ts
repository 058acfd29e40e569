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
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";
import { allowed, mixed, refused } from "./two-models.ts";

let installation: Installation | undefined;
let fixture: BatchFixture | undefined;
afterEach(async () => {
  await installation?.close();
  await fixture?.close();
  installation = undefined;
  fixture = undefined;
});

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

test("a key that is revoked while a model is known to be refused is stopped once nothing in use is answered any more", async () => {
  const database = await cloneDatabase();
  const pool = openPool(database.url, { max: 2, applicationName: "test", log: silentLog });
  const at = (seconds: number): Date => new Date(Date.UTC(2026, 10, 25) + seconds * 1_000);
  const refuse = (model: string, seconds: number, proved = false): Promise<boolean> =>
    refuseModel(pool, "default", { model, now: at(seconds), proved });
  try {
    expect(await refuse("known", 0, true)).toBe(false);
    // Others are answered between its tries: one of them that is refused says nothing of the key, nor does the next try of the first.
    expect(await refuse("other", 100)).toBe(false);
    expect(await refuse("known", 110)).toBe(false);
    await resumeCredential(pool, "default", { sentAt: at(150), models: ["other"] });
    expect(await refuse("known", 180)).toBe(false);
    // Revoked: the other is refused, a minute later once more, and then the first.
    expect(await refuse("other", 200)).toBe(false);
    expect(await refuse("known", 240)).toBe(false);
    expect(await refuse("other", 260)).toBe(false);
    // Inside of a batch that was accepted it says nothing, still.
    expect(await refuse("known", 299, true)).toBe(false);
    expect(await refuse("known", 300)).toBe(true);
    expect((await readCredential(pool, "default"))?.stopReason).toBe("credential_refused");
    const { rows } = await pool.query("SELECT kind FROM alerts WHERE kind = 'credential_stopped'");
    expect(rows).toHaveLength(1);
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
