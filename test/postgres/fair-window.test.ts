// What the dispatcher is told of waiting work, and what a window opens with while its budget is being changed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { saveQueue } from "../../src/money/queue-settings.ts";
import { silentLog } from "../../src/observe/log.ts";
import { findWaitingBulks } from "../../src/postgres/dispatch.ts";
import { openPool, type Pool, withTransaction } from "../../src/postgres/pool.ts";
import { windowsFor } from "../../src/postgres/windows.ts";
import { seedBulk, seedQueue, seedTenant } from "../control/seed.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

let database: TestDatabase;
let pool: Pool;

beforeEach(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 6, applicationName: "test", log: silentLog });
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

test("however many bulks a tenant has waiting, the dispatcher hears of everybody's", async () => {
  const tenantId = await seedTenant(pool);
  const queue = await seedQueue(pool, tenantId);
  for (let n = 0; n < 20; n += 1) await seedBulk(pool, { jobs: 1, tenantId, queueId: queue.id });
  const other = await seedBulk(pool, { jobs: 1 });
  const found = await findWaitingBulks(pool, 3);
  expect(found.map((bulk) => bulk.bulkId)).toContain(other.bulkId);
  expect(found).toHaveLength(3);
});

test("what is out of a queue counts whole, also of bulks with nothing queued any more", async () => {
  const tenantId = await seedTenant(pool);
  const queue = await seedQueue(pool, tenantId);
  const of = { jobs: 1, tenantId, queueId: queue.id };
  const running = await seedBulk(pool, of);
  const waiting = await seedBulk(pool, of);
  await pool.query("UPDATE jobs SET state = 'running' WHERE bulk_id = $1", [running.bulkId]);
  await pool.query("UPDATE queues SET concurrency_max = 1 WHERE id = $1", [queue.id]);
  const found = await findWaitingBulks(pool, 10);
  expect(found).toMatchObject([{ bulkId: waiting.bulkId, waiting: 1, out: 1, concurrencyMax: 1 }]);
});

test("a bulk that is being canceled starts nothing more, and what runs of it counts", async () => {
  const bulk = await seedBulk(pool, { jobs: 2 });
  const later = await seedBulk(pool, { jobs: 1, tenantId: bulk.tenantId, queueId: bulk.queueId });
  await pool.query("UPDATE jobs SET state = 'running' WHERE id = $1", [bulk.jobIds[0]]);
  await pool.query("UPDATE bulks SET canceled_at = now(), canceled_by = 'ada' WHERE id = $1", [bulk.bulkId]);
  const found = await findWaitingBulks(pool, 10);
  expect(found).toMatchObject([{ bulkId: later.bulkId, waiting: 1, out: 1 }]);
});

test("a window that opens while its limit is being lowered opens with the lowered one", async () => {
  const tenantId = await seedTenant(pool);
  const queue = await seedQueue(pool, tenantId);
  const deps = { pool, clock: systemClock, log: silentLog, newId };
  const settings = {
    owner: "ada",
    defaultType: null,
    defaultUrgency: null,
    defaultPriority: null,
    concurrencyMax: null,
    attemptsMax: null,
    jobAgeMaxS: null,
    approveAboveNano: null,
  };
  const budget = { limitNano: 100n, window: "day" as const, timeZone: "UTC" };
  await saveQueue(deps, {
    tenantId,
    name: queue.name,
    settings,
    budget,
    force: false,
    reason: null,
    actor: "test",
  });

  // The change of the limit stands between its statements and its commit.
  const changer = await pool.connect();
  await changer.query("BEGIN");
  await changer.query("SELECT 1 FROM budgets WHERE target = $1 FOR UPDATE", [queue.id]);
  await changer.query("UPDATE budgets SET limit_nano = 10 WHERE target = $1", [queue.id]);
  const scope = { tenantId, queueId: queue.id, jobType: "t", bulkId: "b", labels: null };
  const opening = withTransaction(pool, (client) => windowsFor(client, [scope], systemClock.now()));
  await new Promise((resolve) => {
    setTimeout(resolve, 200);
  });
  await changer.query("COMMIT");
  changer.release();
  const {
    windowIds: [ids = []],
  } = await opening;
  const { rows } = await pool.query("SELECT limit_nano FROM budget_windows WHERE id = ANY ($1)", [ids]);
  expect(rows).toEqual([{ limit_nano: 10n }]);
});

test.each([
  ["dispatch/lock-queued", "realtime"],
  ["message-batches/choose-lines", "batch"],
] as const)(
  "a look at the head of a long bulk of one model does not sort all of it, also when the table is analyzed (%s)",
  async (name, lane) => {
    await seedBulk(pool, { jobs: 20_000, lane });
    await pool.query("ANALYZE jobs");
    const sql = readFileSync(join(import.meta.dirname, `../../src/postgres/queries/${name}.sql`), "utf8");
    const { rows } = await pool.query<{ "QUERY PLAN": string }>(`EXPLAIN (GENERIC_PLAN) ${sql}`);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    expect(plan).toContain("Index Scan using jobs_queued");
    expect(plan).not.toContain("Sort");
  },
);
