// Counts as bounds, by the books themselves: what is held covers what is billed until the first bill above its count; that one is booked
// as it is, switches its model off for every process in its own transaction, and from then on holds are by bytes.
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/config/clock.ts";
import { boundOfCount, countSamplesMin, isTrusted, marginNeededBp } from "../../src/domain/count-trust.ts";
import { costNanoUsd, priceAt, promptTokens, readUsage } from "../../src/domain/price.ts";
import { silentLog } from "../../src/observe/log.ts";
import type { Books } from "../../src/postgres/books.ts";
import type { ClaimedJob } from "../../src/postgres/claim.ts";
import { knowModels, readTrusts, tellOff, trustAgain } from "../../src/postgres/count-trust.ts";
import { openPool, withTransaction, type Pool } from "../../src/postgres/pool.ts";
import { seedBulk } from "../control/seed.ts";
import { booksAt, claimJobs, endOf, requireRightWindows, seedBudget, verdictsOf } from "../support/claims.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

const model = "claude-haiku-4-5";
/** The bound of a seeded job by the bytes of its request, and its max_tokens. */
const byBytes = 4_000;
const maxTokens = 100;

let database: TestDatabase;
let pool: Pool;
let books: Books;
let others: Books;

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 4, applicationName: "test", log: silentLog });
  const terms = { now: () => systemClock.now(), tightening: { useCounts: true, capOf: () => null } };
  books = booksAt(pool, terms);
  others = booksAt(pool, terms);
});
afterAll(async () => {
  await requireRightWindows(pool);
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  await pool.query("DELETE FROM count_trust");
  await knowModels(pool, [model]);
});

/** Jobs with their counts, under a ceiling for them. */
async function seedCounted(counts: readonly (number | null)[], limitNano: bigint): Promise<string[]> {
  const bulk = await seedBulk(pool, { jobs: counts.length });
  await pool.query(
    `UPDATE jobs j SET input_tokens_counted = c.tokens, input_tokens_max = $3, output_tokens_max = $4
       FROM unnest($1::text[], $2::integer[]) AS c(id, tokens) WHERE j.id = c.id`,
    [bulk.jobIds, counts, byBytes, maxTokens],
  );
  await seedBudget(pool, { scope: "queue", target: bulk.queueId, limitNano });
  return bulk.jobIds;
}

const price = priceAt(model, Date.now());

/** Claims a job, has it answered with this usage at full length, and says what was held for it. */
async function run(jobId: string, billed: number, by = books): Promise<{ held: number; overrun: bigint }> {
  const [answer] = await claimJobs(pool, by, [jobId]);
  if (answer?.claimed !== true || price === undefined) throw new Error("not claimed");
  const usage = { input_tokens: billed, output_tokens: maxTokens };
  const read = readUsage(usage);
  if (read === null) throw new Error("no usage");
  const record = endOf(answer.job, costNanoUsd(read, { lane: "realtime", price }));
  const { overrunNano } = await by.record({ ...record, attempt: { ...record.attempt, usage } });
  return { held: await heldOf(answer.job), overrun: overrunNano };
}

async function heldOf(job: ClaimedJob): Promise<number> {
  const { rows } = await pool.query<{ held: number }>(
    "SELECT input_tokens_max AS held FROM attempts WHERE job_id = $1 AND no = $2",
    [job.id, job.attemptNo],
  );
  return rows[0]?.held ?? 0;
}

const plenty = 1_000_000_000_000n;

test("what is held covers the bill until the first excess, which is booked, and ends the counts for all", async () => {
  const draw = fc.record({
    // Where the first bill above its margin comes, and how the others stray within it.
    excessAt: fc.integer({ min: 2, max: 74 }),
    jobs: fc.array(
      fc.record({ billed: fc.integer({ min: 50, max: 2_000 }), share: fc.integer({ min: 92, max: 108 }) }),
      {
        minLength: 80,
        maxLength: 80,
      },
    ),
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ excessAt, jobs }) => {
      await pool.query("DELETE FROM count_trust");
      await knowModels(pool, [model]);
      const counts = jobs.map(({ billed, share }, at) =>
        at === excessAt ? Math.floor(billed / 1.2) : Math.ceil((billed * share) / 100),
      );
      const ids = await seedCounted(counts, plenty);
      for (const [at, { billed }] of jobs.entries()) {
        const counted = counts[at] ?? 0;
        const { held, overrun } = await run(ids[at] ?? "", billed, at % 2 === 0 ? books : others);
        if (at > excessAt) expect(held).toBe(byBytes);
        else if (at < countSamplesMin) expect(held).toBe(byBytes);
        else expect(held).toBe(boundOfCount(counted, 1_000));
        if (at !== excessAt) expect(held).toBeGreaterThanOrEqual(billed);
        expect(overrun > 0n).toBe(held < billed);
        const trust = (await readTrusts(pool)).get(model);
        expect(trust?.off).toBe(at >= excessAt);
        expect(trust?.samples).toBe(at + 1);
        expect(trust !== undefined && isTrusted(trust)).toBe(at + 1 >= countSamplesMin && at < excessAt);
      }
    }),
    {
      numRuns: 4,
      examples: [[{ excessAt: 60, jobs: Array.from({ length: 80 }, () => ({ billed: 1_000, share: 100 })) }]],
    },
  );
}, 120_000);

test("a ceiling that binds by bytes admits more once the requests are counted", async () => {
  if (price === undefined) throw new Error("no price");
  const worst = (tokens: number) =>
    costNanoUsd(
      {
        inputTokens: tokens,
        cacheWrite5mTokens: 0,
        cacheWrite1hTokens: 0,
        cacheReadTokens: 0,
        outputTokens: maxTokens,
        webSearches: 0,
        ranInUs: false,
      },
      { lane: "realtime", price },
    );
  const limit = worst(byBytes) * 10n;
  const uncounted = await seedCounted(
    Array.from({ length: 60 }, () => null),
    limit,
  );
  const admitted = (await claimJobs(pool, books, uncounted)).filter(({ claimed }) => claimed).length;
  expect(admitted).toBe(10);
  await pool.query("UPDATE count_trust SET samples = 50 WHERE model = $1", [model]);
  const counted = await seedCounted(
    Array.from({ length: 60 }, () => 1_000),
    limit,
  );
  const more = (await claimJobs(pool, books, counted)).filter(({ claimed }) => claimed).length;
  expect(more).toBe(Number(limit / worst(1_100)));
  expect(more).toBeGreaterThan(25);
});

test("a model that was switched off is told of once, and begins anew by a person's word", async () => {
  await pool.query("UPDATE count_trust SET samples = 50 WHERE model = $1", [model]);
  const [wrong = "", next = "", after = ""] = await seedCounted([500, 500, 500], plenty);
  await run(wrong, 1_000);
  expect((await readTrusts(pool)).get(model)).toMatchObject({
    off: true,
    offReason: "a bill was 99.81 % above its count, the margin is 10.00 %",
  });
  expect(marginNeededBp(500, 1_000)).toBe(9_981);
  const told = await tellOff(pool);
  expect(told).toMatchObject([{ model }]);
  expect(await tellOff(pool)).toEqual([]);
  const { rows: alerts } = await pool.query("SELECT kind, reason FROM alerts WHERE kind = 'count_off'");
  expect(alerts).toEqual([{ kind: "count_off", reason: `${model}: ${told[0]?.reason}` }]);
  const { rows: acts } = await pool.query("SELECT act, subject_id FROM audit_events WHERE act = 'count.off'");
  expect(acts).toEqual([{ act: "count.off", subject_id: model }]);
  // Neither time nor better bills switch it on again.
  expect((await run(next, 500)).held).toBe(byBytes);
  await withTransaction(pool, (client) => trustAgain(client, model, 10_000));
  expect((await readTrusts(pool)).get(model)).toMatchObject({ off: false, samples: 0, marginBp: 10_000 });
  await pool.query("UPDATE count_trust SET samples = 50 WHERE model = $1", [model]);
  expect((await run(after, 1_000)).held).toBe(1_000);
});

test("a hold that rests on bytes needs nobody's trust, and jobs that were never counted teach nothing", async () => {
  const [none = "", uncountable = ""] = await seedCounted([null, 0], plenty);
  for (const id of [none, uncountable]) expect((await run(id, 3_000)).held).toBe(byBytes);
  expect((await readTrusts(pool)).get(model)).toMatchObject({ samples: 0, off: false });
});

test("turns of jobs that were never counted run not one statement more than without counts", async () => {
  const own = openPool(database.url, { max: 1, applicationName: "test", log: silentLog });
  const client = await own.connect();
  const ask = client.query.bind(client) as (...asked: unknown[]) => unknown;
  let statements = 0;
  Object.assign(client, { query: (...asked: unknown[]) => ((statements += 1), ask(...asked)) });
  client.release();
  const costOf = async (by: Books, counted: number | null): Promise<number> => {
    const [id = ""] = await seedCounted([counted], plenty);
    // The first turn under a budget opens its window; the second is like all others.
    await run((await seedCounted([null], plenty))[0] ?? "", 100, by);
    statements = 0;
    await run(id, 100, by);
    return statements;
  };
  const now = (): Date => systemClock.now();
  const tight = { useCounts: true, capOf: () => null };
  const without = await costOf(booksAt(own, { now }), null);
  expect(without).toBeGreaterThan(0);
  expect(await costOf(booksAt(own, { now, tightening: tight }), null)).toBe(without);
  // One that was counted costs one more: whether its model is believed.
  expect(await costOf(booksAt(own, { now, tightening: tight }), 100)).toBe(without + 1);
  await own.end();
});

test("where counts are not to be used, those that are there are not", async () => {
  await pool.query("UPDATE count_trust SET samples = 50 WHERE model = $1", [model]);
  const never = booksAt(pool, {
    now: () => systemClock.now(),
    tightening: { useCounts: false, capOf: () => null },
  });
  const [id = ""] = await seedCounted([100], plenty);
  const [answer] = await claimJobs(pool, never, [id]);
  expect(verdictsOf(answer === undefined ? [] : [answer])).toEqual(["claimed"]);
  expect(answer?.claimed === true && (await heldOf(answer.job))).toBe(byBytes);
  if (answer?.claimed === true) await never.record(endOf(answer.job, null));
});

test("the functions of the database say what the domain says", async () => {
  const token = fc.integer({ min: 0, max: 2_000_000 });
  const pairs = fc.sample(fc.tuple(fc.integer({ min: 1, max: 2_000_000 }), token), 200);
  const { rows } = await pool.query<{ bp: bigint }>(
    "SELECT margin_needed_bp(c, b) AS bp FROM unnest($1::bigint[], $2::bigint[]) AS p(c, b)",
    [pairs.map(([counted]) => counted), pairs.map(([, billed]) => billed)],
  );
  expect(rows.map(({ bp }) => Number(bp))).toEqual(
    pairs.map(([counted, billed]) => marginNeededBp(counted, billed)),
  );
  const usages = fc.sample(
    fc.record({
      input_tokens: token,
      output_tokens: token,
      cache_read_input_tokens: fc.option(token),
      cache_creation_input_tokens: fc.option(token),
      cache_creation: fc.option(
        fc.record({ ephemeral_5m_input_tokens: token, ephemeral_1h_input_tokens: fc.option(token) }),
      ),
    }),
    200,
  );
  const { rows: sums } = await pool.query<{ tokens: bigint }>(
    "SELECT prompt_tokens(u::jsonb) AS tokens FROM unnest($1::text[]) AS u",
    [usages.map((usage) => JSON.stringify(usage))],
  );
  const read = usages
    .map((usage) => readUsage(usage))
    .map((usage) => (usage === null ? -1 : promptTokens(usage)));
  expect(sums.map(({ tokens }) => Number(tokens))).toEqual(read);
});
