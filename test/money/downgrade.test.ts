// A ceiling that sends work to the batch lane: only what may wait, only where that very ceiling is in the way, and once.
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/config/clock.ts";
import { silentLog } from "../../src/observe/log.ts";
import { FullLabels } from "../../src/domain/full-labels.ts";
import { dispatchFrom } from "../../src/postgres/dispatch.ts";
import { acquireLease } from "../../src/postgres/leases.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { seedBulk, type SeededBulk } from "../control/seed.ts";
import {
  booksAt,
  claimJobs,
  seedBudget,
  verdictsOf,
  worstOfSeeded,
  requireRightWindows,
} from "../support/claims.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

let database: TestDatabase;
let pool: Pool;

beforeEach(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 4, applicationName: "test", log: silentLog });
});
afterEach(async () => {
  await requireRightWindows(pool);
  await pool.end();
  await database.drop();
});

/** Four jobs, the first two of which may wait, and a ceiling with room for one of them. */
async function seed(whenBound: "wait" | "reject" | "downgrade"): Promise<SeededBulk> {
  const bulk = await seedBulk(pool, { jobs: 4 });
  await pool.query("UPDATE jobs SET may_wait = true WHERE line <= 2");
  await seedBudget(pool, { scope: "queue", target: bulk.queueId, limitNano: worstOfSeeded, whenBound });
  return bulk;
}

const places = async (): Promise<unknown[]> =>
  (
    await pool.query(
      "SELECT line, lane, state, wait_reason, downgraded_at IS NOT NULL AS downgraded FROM jobs ORDER BY line",
    )
  ).rows;
const place = (line: number, lane: string, state: string, wait_reason: string | null) => ({
  line,
  lane,
  state,
  wait_reason,
  downgraded: lane === "batch",
});

test("the claim moves what may wait and found no room, and puts the rest back", async () => {
  const bulk = await seed("downgrade");
  const [first = "", ...others] = bulk.jobIds.toReversed();
  const books = booksAt(pool, systemClock);
  expect(verdictsOf(await claimJobs(pool, books, [first, ...others]))).toEqual([
    "claimed",
    "budget",
    "downgraded",
    "downgraded",
  ]);
  expect(await places()).toEqual([
    place(1, "batch", "queued", "batch"),
    place(2, "batch", "queued", "batch"),
    place(3, "realtime", "queued", "budget"),
    place(4, "realtime", "running", null),
  ]);
  const { rows } = await pool.query(
    "SELECT lane, state, sum(jobs)::int AS jobs FROM job_tally_changes GROUP BY 1, 2 HAVING sum(jobs) <> 0 ORDER BY 1, 2",
  );
  expect(rows).toEqual([
    { lane: "batch", state: "queued", jobs: 2 },
    { lane: "realtime", state: "queued", jobs: 1 },
    { lane: "realtime", state: "running", jobs: 1 },
  ]);
});

test("the dispatcher moves it before it is ever carried to a worker", async () => {
  const bulk = await seed("downgrade");
  const epoch = await acquireLease(pool, "dispatcher", "test", 60_000);
  if (epoch === undefined) throw new Error("no lease");
  const now = systemClock.now();
  const closedBy = () => null;
  const noRefusals = {
    credentialId: "default",
    probing: new Map<string, string[]>(),
    oneInAll: false,
    fullLabels: new FullLabels(5_000),
    tenantOf: () => undefined,
  };
  const lease = { holder: "test", epoch, leaseMs: 60_000 };
  const terms = { ...lease, now, horizon: now, closedBy, unbudgeted: "refuse" as const, ...noRefusals };
  const dispatched = await dispatchFrom(pool, new Map([[bulk.bulkId, 4]]), terms);
  expect(dispatched.map(({ jobId }) => jobId)).toEqual(bulk.jobIds.slice(0, 1));
  expect(await places()).toEqual([
    place(1, "realtime", "dispatched", null),
    place(2, "batch", "queued", "batch"),
    place(3, "realtime", "queued", "budget"),
    place(4, "realtime", "queued", "budget"),
  ]);
});

test.each(["wait", "reject"] as const)("a ceiling that says %s moves nothing", async (whenBound) => {
  const bulk = await seed(whenBound);
  const answers = await claimJobs(pool, booksAt(pool, systemClock), bulk.jobIds);
  expect(verdictsOf(answers)).toEqual(["claimed", "budget", "budget", "budget"]);
});

test("a ceiling that has room moves nothing, whatever another one is short of", async () => {
  const bulk = await seedBulk(pool, { jobs: 2 });
  await pool.query("UPDATE jobs SET may_wait = true");
  await seedBudget(pool, { scope: "global", limitNano: 9n * worstOfSeeded, whenBound: "downgrade" });
  await seedBudget(pool, { scope: "bulk", target: bulk.bulkId, limitNano: worstOfSeeded });
  const answers = await claimJobs(pool, booksAt(pool, systemClock), bulk.jobIds);
  expect(verdictsOf(answers)).toEqual(["claimed", "budget"]);
});

test("an entry of the realtime queue that still names a moved job finds it gone", async () => {
  const bulk = await seed("downgrade");
  await pool.query("UPDATE budgets SET limit_nano = 0");
  const books = booksAt(pool, systemClock);
  const [id = ""] = bulk.jobIds;
  expect(verdictsOf(await claimJobs(pool, books, [id]))).toEqual(["downgraded"]);
  expect(verdictsOf([await books.claim({ jobId: id, dispatchNo: 1 })])).toEqual(["gone"]);
});
