// Right-sizing from end to end: lengths are learned from the ledger, caps are held and sent, a cut answer gets its one turn with the
// declared cap, and the bill agrees with the books throughout.
import { afterEach, beforeEach, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import type { BreakerRules } from "../../src/domain/breaker.ts";
import { followTightening } from "../../src/lanes/tightening.ts";
import type { FollowedTightening } from "../../src/lanes/tightening.ts";
import type { BatchLane } from "../../src/lanes/batch/lane.ts";
import { silentLog } from "../../src/observe/log.ts";
import type { Log } from "../../src/observe/log.ts";
import { readSizes, sizeAgain } from "../../src/postgres/right-sizes.ts";
import { withTransaction } from "../../src/postgres/pool.ts";
import { createBreaker } from "../../src/upkeep/breaker.ts";
import { createRightSizing } from "../../src/upkeep/right-sizing.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { sizedInputs, sizedType, writeSizedType } from "../support/sized-type.ts";
import type { SizedTypeDir } from "../support/sized-type.ts";
import { submitBulk } from "../support/submit.ts";
import type { TestBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";
import { openBatchFixture } from "./batch-fixture.ts";
import type { BatchFixture } from "./batch-fixture.ts";
import { judgeLane } from "./batch-judge.ts";

let types: SizedTypeDir;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  types = writeSizedType();
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  types.remove();
});

interface Sized {
  readonly fixture: BatchFixture;
  readonly tightening: FollowedTightening;
  readonly lane: BatchLane;
  submit(count: number, more?: Partial<TestBulk>): Promise<string>;
  /** Reads the ledger up to now, and the caps that follow from it. */
  learn(log?: Log): Promise<void>;
}

/** A batch lane that holds and sends what its caps say. */
async function open(): Promise<Sized> {
  const fixture = await openBatchFixture({ jobsDirs: [types.dir] });
  closers.push(() => fixture.close());
  const { pool, jobTypes } = fixture.deps;
  const config = { countTokens: "when_bound", callTimeoutMs: 120_000 } as const;
  const tightening = await followTightening({ database: pool, jobTypes, config, log: silentLog });
  closers.push(() => Promise.resolve(tightening.stop()));
  return {
    fixture,
    tightening,
    lane: fixture.another({ tightening }),
    submit: (count, more = {}) =>
      submitBulk(fixture.databaseUrl, {
        lane: "batch",
        type: sizedType.name,
        jobsDirs: [types.dir],
        inputs: sizedInputs(count),
        ...more,
      }),
    learn: async (log = silentLog) => {
      await createRightSizing({ pool, log, types: [sizedType], lagMs: 0 }).runOnce();
      await tightening.refresh();
    },
  };
}

/** Takes every step until all is done, with lines packed by the lane that knows the caps. */
const drive = ({ fixture, lane }: Sized): Promise<void> =>
  fixture.drive(async () => {
    await lane.collector.runOnce();
    const [row] = await fixture.rows<{ rest: boolean }>(
      `SELECT NOT EXISTS (SELECT 1 FROM jobs WHERE finished_at IS NULL)
          AND NOT EXISTS (SELECT 1 FROM message_batches WHERE state NOT IN ('ingested', 'refused', 'void')) AS rest`,
    );
    return row?.rest === true;
  });

/** A breaker that trips on a share of a tenth, and on nothing else. */
const strictShares: BreakerRules = {
  factor: 0,
  floorNano: 0n,
  hourlyNano: null,
  failurePct: 10,
  retryPct: 10,
  attemptsMin: 50,
  historyHoursMin: 5,
};

const capsSent = (fixture: BatchFixture, bulkId: string): Promise<{ no: number; cap: number; n: number }[]> =>
  fixture.rows(
    "SELECT no, output_tokens_max AS cap, count(*)::int AS n FROM attempts WHERE bulk_id = $1 GROUP BY 1, 2 ORDER BY 1, 2",
    [bulkId],
  );

test("199 answers change nothing; from 200 on lines are held and sent with less, in a body of exactly the promised length", async () => {
  const sized = await open();
  const { fixture } = sized;
  await sized.submit(199);
  await drive(sized);
  await sized.learn();
  expect(await readSizes(fixture.pool, sizedType.name)).toMatchObject([{ samples: 199, cap: null }]);
  const before = await sized.submit(120);
  await drive(sized);
  expect(await capsSent(fixture, before)).toEqual([{ no: 1, cap: sizedType.maxTokens, n: 120 }]);
  await sized.learn();
  const [known] = await readSizes(fixture.pool, sizedType.name);
  expect(known?.samples).toBe(319);
  const cap = known?.cap ?? 0;
  expect(cap).toBeGreaterThanOrEqual(64);
  expect(cap).toBeLessThan(200);
  const after = await sized.submit(120);
  await drive(sized);
  expect(await capsSent(fixture, after)).toEqual([{ no: 1, cap, n: 120 }]);
  const [held] = await fixture.rows<{ less: boolean; shorter: boolean; exact: boolean }>(
    `SELECT max(a.worst_nano) FILTER (WHERE a.bulk_id = $2) < min(a.worst_nano) FILTER (WHERE a.bulk_id = $1) / 2 AS less,
            bool_and(a.request_bytes < j.request_bytes) FILTER (WHERE a.bulk_id = $2) AS shorter,
            bool_and(a.request_bytes = j.request_bytes) FILTER (WHERE a.bulk_id = $1) AS exact
       FROM attempts a JOIN jobs j ON j.id = a.job_id`,
    [before, after],
  );
  expect(held).toEqual({ less: true, shorter: true, exact: true });
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 439 });
});

test("a cut line gets one turn with the declared cap and succeeds; above a percent of them it is off by itself and says so", async () => {
  const sized = await open();
  const { fixture } = sized;
  await sized.submit(250);
  await drive(sized);
  await sized.learn();
  // A cap that no answer fits under, as if answers had become longer since.
  await fixture.rows("UPDATE right_sizes SET cap = 15");
  await sized.tightening.refresh();
  const bulk = await sized.submit(110);
  await drive(sized);
  expect(await capsSent(fixture, bulk)).toEqual([
    { no: 1, cap: 15, n: 110 },
    { no: 2, cap: sizedType.maxTokens, n: 110 },
  ]);
  expect(
    await fixture.rows(
      "SELECT DISTINCT state, tries, attempts_paid, retry_reason, full_cap FROM jobs WHERE bulk_id = $1",
      [bulk],
    ),
  ).toEqual([{ state: "succeeded", tries: 0, attempts_paid: 2, retry_reason: "cut_by_cap", full_cap: true }]);
  // Every one of them was cut and repeated, and that is no runaway: right-sizing looks after itself.
  const breaker = createBreaker({ pool: fixture.pool, newId, rules: strictShares, log: silentLog });
  expect(await breaker.runOnce()).toBe(0);
  const said: unknown[] = [];
  await sized.learn({ ...silentLog, event: (name, fields) => void said.push([name, fields]) });
  expect(said).toEqual([
    [
      "size.off",
      {
        jobType: sizedType.name,
        promptVersion: 1,
        model: sizedType.model,
        reason: "110 of 110 answers were cut by the effective cap, above 1 %",
      },
    ],
  ]);
  const next = await sized.submit(100);
  await drive(sized);
  expect(await capsSent(fixture, next)).toEqual([{ no: 1, cap: sizedType.maxTokens, n: 100 }]);
  expect(await withTransaction(fixture.pool, (client) => sizeAgain(client, sizedType.name))).toBe(1);
  await sized.submit(1);
  await drive(sized);
  await sized.learn();
  // Too many were cut for their length to be known: it is on, and the declared cap stands until they have faded.
  expect(await readSizes(fixture.pool, sizedType.name)).toMatchObject([{ offReason: null, cap: null }]);
  expect((await judgeLane(fixture)).jobs).toEqual({ succeeded: 461 });
});

test("a deadline or a last attempt that leaves no second turn keeps the declared cap", async () => {
  const sized = await open();
  const { fixture } = sized;
  await sized.submit(250);
  await drive(sized);
  await sized.learn();
  const [known] = await readSizes(fixture.pool, sizedType.name);
  const inHours = (hours: number): Date => new Date(fixture.simulator.world.clock.now() + hours * 3_600_000);
  const near = await sized.submit(100, { deadlineAt: inHours(47) });
  const far = await sized.submit(101, { deadlineAt: inHours(50) });
  const last = await sized.submit(102);
  await fixture.rows("UPDATE jobs SET attempts_max = 1 WHERE bulk_id = $1", [last]);
  await drive(sized);
  expect(await capsSent(fixture, near)).toEqual([{ no: 1, cap: sizedType.maxTokens, n: 100 }]);
  expect(await capsSent(fixture, far)).toEqual([{ no: 1, cap: known?.cap, n: 101 }]);
  expect(await capsSent(fixture, last)).toEqual([{ no: 1, cap: sizedType.maxTokens, n: 102 }]);
  await judgeLane(fixture);
});

test("a type that does not ask for it has no caps, whatever the table says", async () => {
  types.remove();
  types = writeSizedType("");
  const sized = await open();
  await sized.submit(1);
  await drive(sized);
  await sized.fixture.rows(
    "INSERT INTO right_sizes (job_type, prompt_version, model, lengths, samples, cap) VALUES ($1, 1, $2, '{}', 0, 64)",
    [sizedType.name, sizedType.model],
  );
  await sized.tightening.refresh();
  const bulk = await sized.submit(1);
  await drive(sized);
  expect(await capsSent(sized.fixture, bulk)).toEqual([{ no: 1, cap: sizedType.maxTokens, n: 1 }]);
});

test("in the realtime lane a cut call is made again with the declared cap, each an attempt with its own hold", async () => {
  const installation: Installation = await openInstallation({ settings: { SLUICE_JOBS_DIR: types.dir } });
  closers.push(() => installation.close());
  const { db, databaseUrl, simulator } = installation;
  await db.query(
    "INSERT INTO right_sizes (job_type, prompt_version, model, lengths, samples, cap) VALUES ($1, 1, $2, '{}', 0, 15)",
    [sizedType.name, sizedType.model],
  );
  await installation.start();
  await submitBulk(databaseUrl, {
    lane: "realtime",
    type: sizedType.name,
    jobsDirs: [types.dir],
    inputs: sizedInputs(30),
  });
  await waitFor(
    "all to succeed",
    async () => (await db.query("SELECT 1 FROM jobs WHERE state = 'succeeded'")).rows.length === 30,
    { timeoutMs: 25_000 },
  );
  const { rows } = await db.query(
    `SELECT a.no, a.output_tokens_max AS cap, a.outcome, a.state, a.retry_reason, count(*)::int AS n, count(DISTINCT a.hold_id)::int AS holds,
            bool_and(a.cost_nano <= a.worst_nano) AS covered
       FROM attempts a GROUP BY 1, 2, 3, 4, 5 ORDER BY 1`,
  );
  const each = { state: "settled", n: 30, holds: 30, covered: true };
  expect(rows).toEqual([
    { no: 1, cap: 15, outcome: "truncated", retry_reason: null, ...each },
    { no: 2, cap: sizedType.maxTokens, outcome: "succeeded", retry_reason: "cut_by_cap", ...each },
  ]);
  expect((await db.query("SELECT DISTINCT tries, attempts_paid FROM jobs")).rows).toEqual([
    { tries: 0, attempts_paid: 2 },
  ]);
  await waitFor(
    "the bulk to be told",
    async () => (await db.query("SELECT 1 FROM bulks WHERE finished_at IS NULL")).rows.length === 0,
  );
  await judge(db, simulator);
});
