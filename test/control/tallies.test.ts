// The counts are exact at every commit, whoever moves jobs and whoever folds at the same time.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLog } from "../../src/observe/log.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { finishBulks, foldTallies, readProgress } from "../../src/postgres/tallies.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { seedBulk, type SeededBulk } from "./seed.ts";

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 10, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** Counts by differences against counts of the rows, in one snapshot: the rows that differ. */
const differences = `
  WITH told AS (
    SELECT bulk_id, lane, state, sum(jobs) AS jobs, sum(cost_nano) AS cost, sum(presumed_nano) AS presumed
      FROM (SELECT bulk_id, lane, state, jobs, cost_nano, presumed_nano FROM job_tallies
            UNION ALL SELECT bulk_id, lane, state, jobs, cost_nano, presumed_nano FROM job_tally_changes) t
     GROUP BY bulk_id, lane, state HAVING sum(jobs) <> 0 OR sum(cost_nano) <> 0 OR sum(presumed_nano) <> 0
  ), counted AS (
    SELECT bulk_id, lane, state, count(*) AS jobs, sum(cost_nano) AS cost, sum(presumed_nano) AS presumed FROM jobs GROUP BY bulk_id, lane, state
  )
  (TABLE told EXCEPT TABLE counted) UNION ALL (TABLE counted EXCEPT TABLE told)`;

const states = ["queued", "dispatched", "running", "succeeded", "failed", "canceled"] as const;
const move = fc.record({
  bulk: fc.nat({ max: 2 }),
  from: fc.nat({ max: 29 }),
  count: fc.integer({ min: 1, max: 10 }),
  state: fc.constantFrom(...states),
  cost: fc.bigInt({ min: -5n, max: 1_000n }),
});
type Move = typeof move extends fc.Arbitrary<infer T> ? T : never;

async function run(bulks: readonly SeededBulk[], { bulk, from, count, state, cost }: Move): Promise<void> {
  const final = ["succeeded", "failed", "canceled"].includes(state);
  await pool.query(
    `UPDATE jobs SET state = $2, cost_nano = cost_nano + $3, presumed_nano = presumed_nano + $3,
            finished_at = CASE WHEN $4 THEN now() END, finish_seq = CASE WHEN $4 THEN nextval('job_finish_seq') END,
            failure_code = 'x', failure_fault = 'sluice'
      WHERE id IN (SELECT id FROM jobs WHERE id = ANY ($1) ORDER BY id FOR UPDATE)`,
    [bulks[bulk]?.jobIds.slice(from, from + count), state, cost, final],
  );
}

test("counts equal the rows at every commit, under concurrent moves and folds", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 20, maxLength: 60 }), async (moves) => {
      const bulks = await Promise.all([1, 2, 3].map(() => seedBulk(pool, { jobs: 30 })));
      let running = true;
      const folder = async (): Promise<void> => {
        await foldTallies(pool);
        if (running) await folder();
      };
      const watcher = async (): Promise<void> => {
        const { rows } = await pool.query(differences);
        expect(rows).toEqual([]);
        if (running) await watcher();
      };
      const background = Promise.all([folder(), folder(), watcher()]);
      await Promise.all(moves.map((one) => run(bulks, one)));
      running = false;
      await background;
      await foldTallies(pool);
      const { rows } = await pool.query("SELECT count(*)::int AS left FROM job_tally_changes");
      expect(rows).toEqual([{ left: 0 }]);
      expect((await pool.query(differences)).rows).toEqual([]);
    }),
    { numRuns: 6 },
  );
});

test("a bulk finishes when its last job has its outcome, folded or not, and not a moment before", async () => {
  const bulk = await seedBulk(pool, { jobs: 3 });
  const finish = (ids: readonly string[]) =>
    pool.query(
      `UPDATE jobs SET state = 'succeeded', finished_at = now(), finish_seq = nextval('job_finish_seq'), cost_nano = 5 WHERE id = ANY ($1)`,
      [ids],
    );
  expect(await finishBulks(pool, [bulk.bulkId])).toEqual([]);
  await finish(bulk.jobIds.slice(0, 2));
  await foldTallies(pool);
  expect(await finishBulks(pool, null)).not.toContain(bulk.bulkId);
  expect((await readProgress(pool, [bulk.bulkId])).get(bulk.bulkId)).toEqual({
    total: 3,
    done: 2,
    costNano: 10n,
    outcomes: { succeeded: 2 },
    queued: { realtime: 1, batch: 0 },
  });
  await finish(bulk.jobIds.slice(2));
  expect(await finishBulks(pool, [bulk.bulkId])).toEqual([bulk.bulkId]);
  expect(await finishBulks(pool, [bulk.bulkId])).toEqual([]);
});
