// The dispatcher's looks and its window, on rows alone: no worker takes what it puts out.
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { createDispatcher } from "../../src/lanes/realtime/dispatcher.ts";
import type { Dispatcher } from "../../src/lanes/realtime/dispatcher.ts";
import { silentLog } from "../../src/observe/log.ts";
import type { Dispatch } from "../../src/postgres/dispatch.ts";
import { acquireLease } from "../../src/postgres/leases.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { seedBulk } from "../control/seed.ts";
import { seedBudget } from "../support/claims.ts";
import { ManualClock } from "../support/clock.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

let database: TestDatabase;
let pool: Pool;
let clock: ManualClock;
let entries: Dispatch[];

beforeEach(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 4, applicationName: "test", log: silentLog });
  clock = new ManualClock(new Date());
  entries = [];
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

async function dispatcher(settings: Record<string, string> = {}, concurrency = 10): Promise<Dispatcher> {
  const epoch = await acquireLease(pool, "dispatcher", "test", 600_000);
  if (epoch === undefined) throw new Error("no lease");
  return createDispatcher({
    pool,
    config: parseConfig({ SLUICE_UNBUDGETED: "allow", ...settings }),
    clock,
    log: silentLog,
    gate: () => ({ open: true }),
    widthOf: () => 1,
    enqueue: (dispatches) => Promise.resolve(void entries.push(...dispatches)),
    holdLease: () => Promise.resolve({ holder: "test", epoch }),
    concurrency: () => Promise.resolve(concurrency),
    credentialId: "default",
  });
}

test("50,000 jobs of a label without room do not keep the ten behind them", async () => {
  const { bulkId, jobIds, tenantId } = await seedBulk(pool, { jobs: 50_010 });
  await pool.query(
    `UPDATE jobs SET labels = CASE WHEN line <= 50000 THEN jsonb_build_object('team', 'poor', 'n', line::text)
                                   ELSE '{"team": "rich"}'::jsonb END WHERE bulk_id = $1`,
    [bulkId],
  );
  await seedBudget(pool, { scope: "label", target: "team:poor", limitNano: 1n });
  const other = await seedBulk(pool, { jobs: 1, tenantId });
  const lane = await dispatcher();
  const begunMs = performance.now();
  // A round or two: the first finds the label full, and what is behind it.
  while (entries.length < 11 && performance.now() - begunMs < 5_000)
    // oxlint-disable-next-line no-await-in-loop -- one round after the other
    await lane.runOnce();
  expect(entries.map(({ jobId }) => jobId).toSorted()).toEqual(
    [...jobIds.slice(50_000), ...other.jobIds].toSorted(),
  );
  // What is left has nothing to show: it is not looked through again before its rest is over.
  const looks = performance.now();
  for (let round = 0; round < 20; round += 1)
    // oxlint-disable-next-line no-await-in-loop -- as above
    await lane.runOnce();
  expect(performance.now() - looks).toBeLessThan(2_000);

  await pool.query("UPDATE budget_windows SET limit_nano = 1000000000000");
  await pool.query("UPDATE jobs SET not_before = NULL WHERE state = 'queued'");
  lane.budgetChanged();
  await lane.stop();
  await lane.runOnce();
  expect(entries.length).toBeGreaterThan(11);
});

const refuse = (): Promise<unknown> =>
  pool.query(
    `INSERT INTO refused_models (credential_id, model, since, refused_at)
     VALUES ('default', 'claude-haiku-4-5', now() - interval '1 h', now() - interval '1 h')`,
  );

test.each(["a refused model", "a stopped key"])(
  "the try of %s goes to a job that has room, not to the oldest",
  async (what) => {
    const poor = await seedBulk(pool, { jobs: 30 });
    const rich = await seedBulk(pool, { jobs: 30, tenantId: poor.tenantId, queueId: poor.queueId });
    await seedBudget(pool, { scope: "bulk", target: poor.bulkId, limitNano: 1n });
    if (what === "a refused model") await refuse();
    else
      await pool.query(
        "UPDATE credentials SET stopped_at = now() - interval '1 h', stop_reason = 'credential_refused'",
      );
    const lane = await dispatcher();
    expect(await lane.runOnce()).toBe(1);
    expect(entries.map(({ bulkId }) => bulkId)).toEqual([rich.bulkId]);
  },
);

const remember = (jobIds: readonly string[]): Promise<unknown> =>
  pool.query("UPDATE refused_models SET jobs = $1, probed_at = NULL", [jobIds]);
/** A window of five. */
const narrow = (): Promise<Dispatcher> => dispatcher({ SLUICE_REQUESTS_PER_MINUTE: "60" }, 1);

test("the try of a refused model goes to a job that was not refused, however many that were stand before it in a narrow window", async () => {
  const { jobIds } = await seedBulk(pool, { jobs: 20 });
  await refuse();
  await remember(jobIds.slice(0, 12));
  const lane = await narrow();
  expect(await lane.runOnce()).toBe(1);
  expect(entries.map(({ jobId }) => jobId)).toEqual([jobIds[12]]);
});

test("where all that is left of a refused model was refused before, the one refused longest ago is tried, beside the work of others", async () => {
  const { bulkId, jobIds } = await seedBulk(pool, { jobs: 20 });
  const old = jobIds.slice(0, 3);
  await pool.query("UPDATE jobs SET model = 'claude-sonnet-4-6' WHERE bulk_id = $1 AND NOT id = ANY ($2)", [
    bulkId,
    old,
  ]);
  await refuse();
  await remember(old.toReversed());
  const lane = await narrow();
  // No more than the window has room for: it takes the place of the last of the others.
  expect(await lane.runOnce()).toBe(5);
  expect(entries.map(({ jobId }) => jobId).toSorted()).toEqual(jobIds.slice(2, 7));
});

test("a bulk of which one job was tried is not taken for exhausted", async () => {
  const poor = await seedBulk(pool, { jobs: 5 });
  await pool.query(`UPDATE jobs SET labels = '{"team": "a"}', model = 'claude-sonnet-4-6'`);
  await seedBudget(pool, { scope: "label", target: "team:a", limitNano: 1n, tenantId: poor.tenantId });
  await seedBulk(pool, { jobs: 300, tenantId: poor.tenantId });
  await refuse();
  const lane = await dispatcher();
  // The first round finds the label full, the second leaves it out.
  expect(await lane.runOnce()).toBe(1);
  await pool.query("UPDATE refused_models SET probed_at = NULL");
  expect(await lane.runOnce()).toBe(1);
  await pool.query("DELETE FROM refused_models");
  expect(await lane.runOnce()).toBeGreaterThan(1);
});

test("a label that is full for one tenant holds back nobody else's", async () => {
  const poor = await seedBulk(pool, { jobs: 300 });
  const rich = await seedBulk(pool, { jobs: 5 });
  await pool.query(`UPDATE jobs SET labels = '{"team": "a"}'`);
  await seedBudget(pool, { scope: "label", target: "team:a", limitNano: 1n, tenantId: poor.tenantId });
  const lane = await dispatcher();
  await lane.runOnce();
  await lane.runOnce();
  expect(new Set(entries.map(({ bulkId }) => bulkId))).toEqual(new Set([rich.bulkId]));
  expect(entries).toHaveLength(5);
});

test("jobs that are given back do not count as drained: the window stays as large as the work that is done", async () => {
  const { bulkId } = await seedBulk(pool, { jobs: 2_000 });
  // One call a second, two at once: a window of five.
  const lane = await dispatcher({ SLUICE_REQUESTS_PER_MINUTE: "60" }, 2);
  const counts: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one round after the other
    counts.push(await lane.runOnce());
    // oxlint-disable-next-line no-await-in-loop -- a pause: everything comes back
    await pool.query("UPDATE jobs SET state = 'queued' WHERE state = 'dispatched'");
    clock.advanceMs(600);
  }
  expect(Math.max(...counts)).toBe(5);
  // Calls that end are what makes it grow: sixty in six tenths of a second.
  await lane.runOnce();
  await pool.query("UPDATE jobs SET state = 'queued' WHERE state = 'dispatched'");
  await pool.query(
    `INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, price_id, amount_nano, realtime_nano)
     SELECT tenant_id, 'settle', id, 1, bulk_id, queue_id, job_type, 1, model, 'realtime', 'price', 1, 1 FROM jobs WHERE bulk_id = $1 LIMIT 60`,
    [bulkId],
  );
  clock.advanceMs(600);
  expect(await lane.runOnce()).toBe(500);
});
