// The totals of a bulk hold under any number of workers: what is started, paid or still open, never passes the cap, and nothing of the
// cap is lost on the way.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { silentLog } from "../../src/observe/log.ts";
import { openPool } from "../../src/postgres/pool.ts";
import type { Pool } from "../../src/postgres/pool.ts";
import type { Books } from "../../src/postgres/books.ts";
import { seedBulk } from "../control/seed.ts";
import { booksAt, claimJobs, endOf } from "../support/claims.ts";
import type { AttemptRecord } from "../../src/postgres/record.ts";
import type { ClaimedJob } from "../../src/postgres/claim.ts";
import { cancelOpenJobs } from "../../src/postgres/cancel.ts";
import { recordAttempts } from "../../src/postgres/record.ts";
import { cloneDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";
import type { TestDatabase } from "../support/stores.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 20, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const jobs = 60;
const workers = 8;
/** A seeded job is bounded at 100 tokens in and 100 out. */
const tokensOfOne = 200;

/** A bulk under caps of its own, whose jobs could be tried twenty times each. */
async function capped(caps: { attempts?: number; tokens?: number }) {
  const bulk = await seedBulk(pool, { jobs });
  const named = { bulk_attempts_max: caps.attempts, bulk_total_tokens_max: caps.tokens };
  await pool.query("UPDATE bulks SET caps = $2, attempts_left = $3, tokens_left = $4 WHERE id = $1", [
    bulk.bulkId,
    JSON.stringify(named),
    caps.attempts === undefined ? null : caps.attempts - jobs,
    caps.tokens === undefined ? null : caps.tokens - jobs * tokensOfOne,
  ]);
  await pool.query("UPDATE jobs SET attempts_max = 20 WHERE bulk_id = $1", [bulk.bulkId]);
  return bulk;
}

/** Nobody knows whether it was computed: booked at its worst, and to be tried again. */
const lost = (job: ClaimedJob): AttemptRecord => ({
  jobId: job.id,
  attemptNo: job.attemptNo,
  attempt: {
    state: "presumed",
    outcome: "unknown_end",
    costNano: job.worstNano,
    realtimeNano: job.worstNano,
  },
  next: { state: "queued", retryReason: "unknown_end", countsTry: true },
});

interface Figures {
  readonly started: number;
  readonly tokens: number;
  readonly unfinished: number;
}

/** Attempts that were paid or may yet be, and the tokens they took or may take. */
async function figuresOf(bulkId: string): Promise<Figures> {
  const { rows } = await pool.query<{ started: number; tokens: number; unfinished: number }>(
    `SELECT (SELECT count(*) FROM attempts WHERE bulk_id = $1 AND state IN ('open', 'settled', 'presumed'))::int AS started,
            (SELECT coalesce(sum(CASE WHEN a.usage IS NULL THEN $2 ELSE (a.usage ->> 'input_tokens')::int + (a.usage ->> 'output_tokens')::int END), 0)
               FROM attempts a WHERE a.bulk_id = $1 AND a.state IN ('open', 'settled', 'presumed'))::int AS tokens,
            (SELECT count(*) FROM jobs WHERE bulk_id = $1 AND finished_at IS NULL)::int AS unfinished`,
    [bulkId, tokensOfOne],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("no figures");
  return row;
}

/** Workers take whatever is queued and end it as `end` says, until every job has its outcome; `look` looks on. */
async function workOff(
  bulk: { bulkId: string; jobIds: string[] },
  end: (job: ClaimedJob) => AttemptRecord,
  look: (figures: Figures) => void,
): Promise<void> {
  let rest = jobs;
  const run = async (books: Books, at: number): Promise<void> => {
    while (rest > 0) {
      const { rows } = await pool.query<{ id: string }>(
        "SELECT id FROM jobs WHERE bulk_id = $1 AND state = 'queued' ORDER BY md5(id || $2) LIMIT 10",
        [bulk.bulkId, String(at)],
      );
      const answers = await claimJobs(
        pool,
        books,
        rows.map(({ id }) => id),
      );
      const claimed = answers.flatMap((answer) => (answer.claimed ? [answer.job] : []));
      await Promise.all(claimed.map((job) => books.record(end(job))));
      const figures = await figuresOf(bulk.bulkId);
      look(figures);
      rest = figures.unfinished;
    }
  };
  const times = { now: () => new Date(), unbudgeted: "allow" as const };
  await Promise.all(Array.from({ length: workers }, (_, at) => run(booksAt(pool, times), at)));
}

const outcomesOf = async (bulkId: string): Promise<Record<string, number>> => {
  const { rows } = await pool.query<{ code: string; fault: string; n: number }>(
    "SELECT coalesce(failure_code, state) AS code, count(*)::int AS n FROM jobs WHERE bulk_id = $1 GROUP BY 1 ORDER BY 1",
    [bulkId],
  );
  return Object.fromEntries(rows.map(({ code, n }) => [code, n]));
};

const leftOf = async (bulkId: string) =>
  (
    await pool.query(
      "SELECT attempts_left::int AS attempts, tokens_left::int AS tokens FROM bulks WHERE id = $1",
      [bulkId],
    )
  ).rows[0];

test("attempts: eight workers whose calls all get lost start exactly as many as the bulk may have", async () => {
  const most = jobs + 35;
  const bulk = await capped({ attempts: most });
  await workOff(bulk, lost, ({ started }) => expect(started).toBeLessThanOrEqual(most));
  expect((await figuresOf(bulk.bulkId)).started).toBe(most);
  expect(await outcomesOf(bulk.bulkId)).toEqual({ bulk_attempts_max: jobs });
  expect(await leftOf(bulk.bulkId)).toEqual({ attempts: 0, tokens: null });
});

test("tokens: bounds of what is open and what was taken stay within the cap, and it is used as far as whole attempts go", async () => {
  const most = jobs * tokensOfOne + 20 * tokensOfOne + 100;
  const bulk = await capped({ tokens: most });
  await workOff(bulk, lost, ({ tokens }) => expect(tokens).toBeLessThanOrEqual(most));
  expect((await figuresOf(bulk.bulkId)).started).toBe(jobs + 20);
  expect(await outcomesOf(bulk.bulkId)).toEqual({ bulk_total_tokens_max: jobs });
  expect(await leftOf(bulk.bulkId)).toEqual({ attempts: null, tokens: 100 });
});

test("what cost nothing draws on nothing, and what succeeds ends: both totals hold in any mixture", async () => {
  const caps = { attempts: jobs + 25, tokens: jobs * tokensOfOne + 30 * tokensOfOne };
  const bulk = await capped(caps);
  let calls = 0;
  const mixed = (job: ClaimedJob): AttemptRecord => {
    calls += 1;
    if (calls % 3 === 0) return endOf(job, null);
    if (calls % 5 !== 0) return lost(job);
    const answered = endOf(job, 1_000n);
    return { ...answered, attempt: { ...answered.attempt, usage: { input_tokens: 40, output_tokens: 2 } } };
  };
  await workOff(bulk, mixed, ({ started, tokens }) => {
    expect(started).toBeLessThanOrEqual(caps.attempts);
    expect(tokens).toBeLessThanOrEqual(caps.tokens);
  });
  const outcomes = await outcomesOf(bulk.bulkId);
  expect(Object.keys(outcomes)).toEqual(["bulk_attempts_max", "succeeded"]);
  expect(outcomes["succeeded"]).toBeGreaterThan(0);
  const { started } = await figuresOf(bulk.bulkId);
  expect(await leftOf(bulk.bulkId)).toMatchObject({ attempts: caps.attempts - started });
});

test("a bulk without such caps is not touched by the retries of its jobs", async () => {
  const bulk = await capped({});
  await pool.query("UPDATE jobs SET attempts_max = 3 WHERE bulk_id = $1", [bulk.bulkId]);
  const third = (job: ClaimedJob): AttemptRecord => (job.attemptNo < 3 ? lost(job) : endOf(job, 1_000n));
  await workOff(bulk, third, () => undefined);
  expect(await outcomesOf(bulk.bulkId)).toEqual({ succeeded: jobs });
  expect(await leftOf(bulk.bulkId)).toEqual({ attempts: null, tokens: null });
});

/** The first jobs of a bulk under way, in the order of its lines. */
async function startSome(bulk: { jobIds: string[] }, howMany: number): Promise<ClaimedJob[]> {
  const books = booksAt(pool, { now: () => new Date(), unbudgeted: "allow" });
  const answers = await claimJobs(pool, books, bulk.jobIds.slice(0, howMany));
  return answers.flatMap((answer) => (answer.claimed ? [answer.job] : []));
}

test("ends of a bulk, some of them to go on, and a cancel of it never wait in a circle", async () => {
  const bulk = await capped({ attempts: jobs + 10 });
  const [first, last] = await startSome(bulk, 2);
  if (first === undefined || last === undefined) throw new Error("not claimed");
  const waiting = async (howMany: number): Promise<boolean> => {
    const { rows } = await pool.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    return rows[0]?.n === howMany;
  };
  // The ends are held half way, behind their jobs and before they are closed, while the cancel comes.
  const holder = await pool.connect();
  await holder.query("BEGIN");
  await holder.query("SELECT 1 FROM bulks WHERE id = $1 FOR UPDATE", [bulk.bulkId]);
  const ends = recordAttempts(pool, [endOf(first, 1_000n), lost(last)]);
  const cancel = waitFor("the ends to wait", () => waiting(1)).then(() => cancelOpenJobs(pool, bulk.bulkId));
  const both = Promise.allSettled([ends, cancel]);
  await waitFor("the cancel to wait", () => waiting(2));
  await holder.query("COMMIT");
  holder.release();
  expect((await both).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
  const { rows } = await pool.query("SELECT state FROM jobs WHERE bulk_id = $1 ORDER BY line LIMIT 2", [
    bulk.bulkId,
  ]);
  expect(rows).toEqual([{ state: "succeeded" }, { state: "canceled" }]);
});

test("a late call and its successor that end together are judged each by itself: one draw, and no turn of the late one", async () => {
  const bulk = await capped({ attempts: jobs + 5 });
  const [late] = await startSome(bulk, 1);
  if (late === undefined) throw new Error("not claimed");
  await recordAttempts(pool, [lost(late)]);
  expect(await leftOf(bulk.bulkId)).toMatchObject({ attempts: 4 });
  const [current] = await startSome(bulk, 1);
  if (current === undefined) throw new Error("not claimed");
  expect(current.attemptNo).toBe(2);
  const continuation = {
    turn: '{"role":"assistant","content":[]}',
    request: { bytes: 120, inputTokensMax: 120, toolRounds: 1 },
    requestSha256: Buffer.from([1]),
  };
  const paused: AttemptRecord = {
    ...endOf(late, 1_000n),
    next: { state: "queued", retryReason: "pause_turn", countsTry: false, continuation },
  };
  const answers = await recordAttempts(pool, [paused, lost(current)]);
  expect(answers.map(({ recorded, jobMoved, brokenCap }) => [recorded, jobMoved, brokenCap])).toEqual([
    ["late", false, null],
    ["now", true, null],
  ]);
  expect(await leftOf(bulk.bulkId)).toMatchObject({ attempts: 3 });
  const { rows } = await pool.query(
    `SELECT state, continuations, request_bytes, (SELECT count(*)::int FROM job_turns t WHERE t.job_id = j.id) AS turns
       FROM jobs j WHERE id = $1`,
    [late.id],
  );
  expect(rows).toEqual([{ state: "queued", continuations: 0, request_bytes: 100, turns: 0 }]);
});
