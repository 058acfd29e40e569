// Windows over midnight, the end of a month and both daylight-saving days: what waited goes on in the next one by itself, and what was
// held before it settles where it was held.
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { createDispatcher } from "../../src/lanes/realtime/dispatcher.ts";
import { silentLog } from "../../src/observe/log.ts";
import type { Dispatch } from "../../src/postgres/dispatch.ts";
import { acquireLease } from "../../src/postgres/leases.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { seedBulk } from "../control/seed.ts";
import {
  booksAt,
  claimJobs,
  endOf,
  seedBudget,
  verdictsOf,
  worstOfSeeded,
  requireRightWindows,
} from "../support/claims.ts";
import { ManualClock } from "../support/clock.ts";
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

interface Turn {
  readonly name: string;
  readonly window: "day" | "month";
  readonly timeZone: string;
  /** The last instant of the window before, and how many hours the next one has. */
  readonly last: string;
  readonly hours: number;
}

const turns: readonly Turn[] = [
  { name: "midnight", window: "day", timeZone: "UTC", last: "2026-05-14T23:59:59.999Z", hours: 24 },
  {
    name: "midnight elsewhere",
    window: "day",
    timeZone: "Asia/Kathmandu",
    last: "2026-05-14T18:14:59.999Z",
    hours: 24,
  },
  {
    name: "the day of 23 hours",
    window: "day",
    timeZone: "Europe/Warsaw",
    last: "2026-03-28T22:59:59.999Z",
    hours: 23,
  },
  {
    name: "the day of 25 hours",
    window: "day",
    timeZone: "Europe/Warsaw",
    last: "2026-10-24T21:59:59.999Z",
    hours: 25,
  },
  {
    name: "the end of a month",
    window: "month",
    timeZone: "UTC",
    last: "2026-01-31T23:59:59.999Z",
    hours: 672,
  },
  {
    name: "the end of a month, in the month that loses an hour",
    window: "month",
    timeZone: "Europe/Warsaw",
    last: "2026-02-28T22:59:59.999Z",
    hours: 743,
  },
  {
    name: "the end of a year",
    window: "month",
    timeZone: "America/New_York",
    last: "2027-01-01T04:59:59.999Z",
    hours: 744,
  },
];

test.each(turns)(
  "$name: work that waited runs in the next window; a hold settles in its own",
  async (turn) => {
    const clock = new ManualClock(turn.last);
    const bulk = await seedBulk(pool, { jobs: 2 });
    const { window, timeZone } = turn;
    await seedBudget(pool, {
      scope: "queue",
      target: bulk.queueId,
      limitNano: worstOfSeeded,
      window,
      timeZone,
    });
    const books = booksAt(pool, clock);
    const [held, refused] = await claimJobs(pool, books, bulk.jobIds);
    expect(verdictsOf([held, refused].filter((one) => one !== undefined))).toEqual(["claimed", "budget"]);

    clock.advanceMs(1);
    const waiting = bulk.jobIds.slice(1);
    expect(verdictsOf(await claimJobs(pool, books, waiting))).toEqual(["claimed"]);
    if (held?.claimed !== true) throw new Error("it was claimed");
    await books.record(endOf(held.job, 250_000n));

    const { rows } = await pool.query<{
      starts_at: Date;
      ends_at: Date;
      spent_nano: bigint;
      held_nano: bigint;
    }>("SELECT starts_at, ends_at, spent_nano, held_nano FROM budget_windows ORDER BY starts_at");
    const [before, after] = rows;
    expect(before).toMatchObject({ ends_at: after?.starts_at, spent_nano: 250_000n, held_nano: 0n });
    expect(after).toMatchObject({ starts_at: clock.now(), spent_nano: 0n, held_nano: worstOfSeeded });
    expect(((after?.ends_at.getTime() ?? 0) - clock.now().getTime()) / 3_600_000).toBe(turn.hours);
  },
);

test("the hour that the clocks show twice belongs to one day, and its ceiling holds through both", async () => {
  // 02:30 in Warsaw, an hour apart: once before the clocks go back and once after.
  const clock = new ManualClock("2026-10-25T00:30:00Z");
  const bulk = await seedBulk(pool, { jobs: 2 });
  const timeZone = "Europe/Warsaw";
  await seedBudget(pool, { scope: "global", limitNano: worstOfSeeded, window: "day", timeZone });
  const books = booksAt(pool, clock);
  const [first = "", second = ""] = bulk.jobIds;
  expect(verdictsOf(await claimJobs(pool, books, [first]))).toEqual(["claimed"]);
  clock.advanceMs(3_600_000);
  expect(verdictsOf(await claimJobs(pool, books, [second]))).toEqual(["budget"]);
  expect((await pool.query("SELECT 1 FROM budget_windows")).rows).toHaveLength(1);
});

test("a total budget has one window, whenever it is used", async () => {
  const clock = new ManualClock("2026-05-14T12:00:00Z");
  const bulk = await seedBulk(pool, { jobs: 2 });
  await seedBudget(pool, { scope: "global", limitNano: worstOfSeeded });
  const books = booksAt(pool, clock);
  const [first = "", second = ""] = bulk.jobIds;
  expect(verdictsOf(await claimJobs(pool, books, [first]))).toEqual(["claimed"]);
  clock.setNow("2036-05-14T12:00:00Z");
  expect(verdictsOf(await claimJobs(pool, books, [second]))).toEqual(["budget"]);
});

test("the dispatcher takes waiting work up again by itself when the next window begins", async () => {
  const clock = new ManualClock("2026-05-14T23:59:58Z");
  const bulk = await seedBulk(pool, { jobs: 3 });
  await pool.query('UPDATE jobs SET labels = \'{"team": "core"}\' WHERE id = $1', [bulk.jobIds[2]]);
  await seedBudget(pool, {
    scope: "queue",
    target: bulk.queueId,
    limitNano: 2n * worstOfSeeded,
    window: "day",
  });
  const epoch = await acquireLease(pool, "dispatcher", "test", 600_000);
  const out: Dispatch[] = [];
  const dispatcher = createDispatcher({
    pool,
    config: parseConfig({}),
    clock,
    log: silentLog,
    gate: () => ({ open: true }),
    enqueue: (dispatches) => Promise.resolve(void out.push(...dispatches)),
    holdLease: () => Promise.resolve(epoch === undefined ? null : { holder: "test", epoch }),
    concurrency: () => Promise.resolve(10),
    credentialId: "default",
  });
  expect(await dispatcher.runOnce()).toBe(2);
  const books = booksAt(pool, clock);
  const answers = await Promise.all(
    out.map(({ jobId, dispatchNo }) =>
      pool
        .query("INSERT INTO job_inputs (job_id, tenant_id, input) VALUES ($1, $2, '{}')", [
          jobId,
          bulk.tenantId,
        ])
        .then(() => books.claim({ jobId, dispatchNo })),
    ),
  );
  expect(verdictsOf(answers)).toEqual(["claimed", "claimed"]);
  expect(await dispatcher.runOnce()).toBe(0);
  const waiting = await pool.query("SELECT wait_reason FROM jobs WHERE state = 'queued'");
  expect(waiting.rows).toEqual([{ wait_reason: "budget" }]);
  clock.advanceMs(2_000);
  // It has labels of its own, and rests a little before it is looked at again.
  expect(await dispatcher.runOnce()).toBe(0);
  clock.advanceMs(5_000);
  expect(await dispatcher.runOnce()).toBe(1);
  expect(out.at(-1)?.jobId).toBe(bulk.jobIds[2]);
});
