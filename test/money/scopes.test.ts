// Which budgets bind which work: every scope, several at once, labels of the job and of its bulk, in both lanes, across tenants.
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { silentLog } from "../../src/observe/log.ts";
import { formIntent } from "../../src/postgres/message-batch-intent.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { seedBulk, type SeededBulk } from "../control/seed.ts";
import {
  booksAt,
  claimJobs,
  seedBudget,
  type SeededBudget,
  verdictsOf,
  worstOfSeeded,
  requireRightWindows,
} from "../support/claims.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 6, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await requireRightWindows(pool);
  await pool.end();
  await database.drop();
});

const books = () => booksAt(pool, systemClock);
const endAll = (): Promise<unknown> =>
  pool.query("UPDATE budgets SET ended_at = now() WHERE ended_at IS NULL");

async function labelled(bulk: SeededBulk, ofBulk: object, ofJobs: (object | null)[] = []): Promise<void> {
  await pool.query("UPDATE bulks SET labels = $2 WHERE id = $1", [bulk.bulkId, JSON.stringify(ofBulk)]);
  for (const [at, labels] of ofJobs.entries())
    if (labels !== null)
      await pool.query("UPDATE jobs SET labels = $2 WHERE id = $1", [
        bulk.jobIds[at],
        JSON.stringify(labels),
      ]);
}

test.each([
  ["global", () => ({ scope: "global" })],
  ["tenant", ({ tenantId }: SeededBulk) => ({ scope: "tenant", target: tenantId })],
  ["queue", ({ queueId }: SeededBulk) => ({ scope: "queue", target: queueId })],
  ["job type", () => ({ scope: "job_type", target: "classify-intent" })],
  ["label", () => ({ scope: "label", target: "team:core" })],
  ["bulk", ({ bulkId }: SeededBulk) => ({ scope: "bulk", target: bulkId })],
] satisfies [string, (bulk: SeededBulk) => Pick<SeededBudget, "scope" | "target">][])(
  "a budget of scope %s lets through what fits and no more",
  async (_, aim) => {
    const bulk = await seedBulk(pool, { jobs: 3 });
    await labelled(bulk, { team: "core" });
    await seedBudget(pool, { ...aim(bulk), limitNano: 2n * worstOfSeeded });
    expect(verdictsOf(await claimJobs(pool, books(), bulk.jobIds))).toEqual(["claimed", "claimed", "budget"]);
    await endAll();
  },
);

test("money is held in every budget that binds the work, or in none", async () => {
  const bulk = await seedBulk(pool, { jobs: 3 });
  const wide = await seedBudget(pool, { scope: "global", limitNano: 100n * worstOfSeeded });
  const day = await seedBudget(pool, {
    scope: "queue",
    target: bulk.queueId,
    limitNano: 2n * worstOfSeeded,
    window: "day",
  });
  const narrow = await seedBudget(pool, { scope: "bulk", target: bulk.bulkId, limitNano: worstOfSeeded });
  expect(verdictsOf(await claimJobs(pool, books(), bulk.jobIds))).toEqual(["claimed", "budget", "budget"]);
  const { rows } = await pool.query("SELECT held_nano FROM budget_windows WHERE budget_id = ANY ($1)", [
    [wide, day, narrow],
  ]);
  expect(rows.map((row) => row.held_nano)).toEqual([worstOfSeeded, worstOfSeeded, worstOfSeeded]);
  await endAll();
});

test("a job's own labels count where it has any, its bulk's where it has none", async () => {
  const bulk = await seedBulk(pool, { jobs: 3 });
  // As intake stores them: a line's labels are merged with its bulk's.
  await labelled(bulk, { team: "core" }, [null, { team: "core", feature: "x" }, { team: "other" }]);
  await seedBudget(pool, { scope: "global", limitNano: 100n * worstOfSeeded });
  await seedBudget(pool, { scope: "label", target: "team:core", limitNano: worstOfSeeded });
  await seedBudget(pool, { scope: "label", target: "feature:x", limitNano: 0n });
  expect(verdictsOf(await claimJobs(pool, books(), bulk.jobIds))).toEqual(["claimed", "budget", "claimed"]);
  await endAll();
});

test("a tenant's budget of a job type or label binds its own work, the installation's everybody's", async () => {
  const [one, two] = [await seedBulk(pool, { jobs: 1 }), await seedBulk(pool, { jobs: 1 })];
  for (const bulk of [one, two]) await labelled(bulk, { team: "a:b" });
  await seedBudget(pool, { scope: "global", limitNano: 100n * worstOfSeeded });
  await seedBudget(pool, { tenantId: one.tenantId, scope: "label", target: "team:a:b", limitNano: 0n });
  expect(verdictsOf(await claimJobs(pool, books(), [...one.jobIds, ...two.jobIds])).toSorted()).toEqual([
    "budget",
    "claimed",
  ]);
  const third = await seedBulk(pool, { jobs: 1 });
  await seedBudget(pool, { scope: "job_type", target: "classify-intent", limitNano: 0n });
  expect(verdictsOf(await claimJobs(pool, books(), third.jobIds))).toEqual(["budget"]);
  await endAll();
});

test("work that no budget covers is put back, and runs where the installation allows it", async () => {
  const bulk = await seedBulk(pool, { jobs: 2 });
  const [first = "", second = ""] = bulk.jobIds;
  expect(verdictsOf(await claimJobs(pool, books(), [first]))).toEqual(["budget"]);
  const { rows } = await pool.query("SELECT state, wait_reason FROM jobs WHERE id = $1", [first]);
  expect(rows).toEqual([{ state: "queued", wait_reason: "budget" }]);
  const allowing = booksAt(pool, { now: () => systemClock.now(), unbudgeted: "allow" });
  expect(verdictsOf(await claimJobs(pool, allowing, [second]))).toEqual(["claimed"]);
});

test("in a message batch each line is held under its own labels; those without room wait and rest", async () => {
  const bulk = await seedBulk(pool, { jobs: 4, lane: "batch" });
  await labelled(bulk, {}, [{ team: "poor" }, null, { team: "poor" }, { team: "rich" }]);
  const all = await seedBudget(pool, {
    scope: "tenant",
    target: bulk.tenantId,
    limitNano: 10n * worstOfSeeded,
  });
  // A line of a message batch is held at half the price.
  const poor = await seedBudget(pool, { scope: "label", target: "team:poor", limitNano: worstOfSeeded / 2n });
  const { tenantId, queueId, bulkId } = bulk;
  const end = await formIntent(pool, {
    queue: { queueId, tenantId },
    bulks: [{ bulkId, tenantId, jobType: "classify-intent", accepted: 4, waiting: 4 }],
    shares: new Map([[bulkId, 4]]),
    limits: { linesMax: 100, bytesMax: 1_000_000 },
    lingerMs: 0,
    openMax: 10,
    credentialId: "default",
    processId: "test",
    unbudgeted: "refuse",
    now: systemClock.now(),
    isOpen: () => true,
    models: { held: new Set(), probing: new Map() },
    newId,
  });
  expect(end).toMatchObject({ kind: "formed", lines: 3, refused: 1 });
  const { rows } = await pool.query(
    "SELECT budget_id, held_nano FROM budget_windows WHERE budget_id = ANY ($1) ORDER BY held_nano",
    [[all, poor]],
  );
  expect(rows).toEqual([
    { budget_id: poor, held_nano: worstOfSeeded / 2n },
    { budget_id: all, held_nano: (3n * worstOfSeeded) / 2n },
  ]);
  const waiting = await pool.query(
    "SELECT id, wait_reason, not_before > now() AS rests FROM jobs WHERE bulk_id = $1 AND state = 'queued'",
    [bulkId],
  );
  expect(waiting.rows).toEqual([{ id: bulk.jobIds[2], wait_reason: "budget", rests: true }]);
  await endAll();
});
