// The books of a turn: several claims of one job, and a record that the database does not take.
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openBooks } from "../../src/postgres/books.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import type { AttemptRecord } from "../../src/postgres/record.ts";
import { runJob, seedBulk } from "../control/seed.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 4, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const success = (jobId: string, confidence: number): AttemptRecord => ({
  jobId,
  attemptNo: 1,
  attempt: { state: "settled", outcome: "succeeded", costNano: 10n, realtimeNano: 10n },
  next: { state: "succeeded" },
  result: { output: "{}", confidence, abstained: null, reason: null },
});

function booksOn() {
  return openBooks(pool, {
    itemsMax: 100,
    terms: () => ({
      processId: "process",
      credentialId: "default",
      now: systemClock.now(),
      newId,
      budgetRetryAt: systemClock.now(),
      unbudgeted: "allow",
    }),
  });
}

test("of several claims of one job in a turn, by entries old, new and doubled, one is told yes", async () => {
  const bulk = await seedBulk(pool, { jobs: 1 });
  const [jobId = ""] = bulk.jobIds;
  await pool.query("UPDATE jobs SET state = 'dispatched', dispatch_no = 2 WHERE id = $1", [jobId]);
  await pool.query("INSERT INTO job_inputs (job_id, tenant_id, input) VALUES ($1, $2, '{}')", [
    jobId,
    bulk.tenantId,
  ]);
  const books = booksOn();
  const answers = await Promise.all([1, 2, 2, 1].map((dispatchNo) => books.claim({ jobId, dispatchNo })));
  expect(answers.map((answer) => answer.claimed)).toEqual([false, true, false, false]);
  const { rows } = await pool.query("SELECT no, state FROM attempts WHERE job_id = $1", [jobId]);
  expect(rows).toEqual([{ no: 1, state: "open" }]);
});

test("a record that PostgreSQL refuses fails alone, and those that came with it are written", async () => {
  const bulk = await seedBulk(pool, { jobs: 5 });
  for (const id of bulk.jobIds) await runJob(pool, id, "process");
  const books = booksOn();
  // A `real` cannot hold it: "1e-300" is out of range for type real.
  const ends = await Promise.allSettled(
    bulk.jobIds.map((id, n) => books.record(success(id, n === 2 ? 1e-300 : 0.5))),
  );
  expect(ends.map((end) => end.status)).toEqual([
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  const { rows } = await pool.query(
    "SELECT state, count(*)::int AS n FROM jobs WHERE bulk_id = $1 GROUP BY state ORDER BY state",
    [bulk.bulkId],
  );
  expect(rows).toEqual([
    { state: "running", n: 1 },
    { state: "succeeded", n: 4 },
  ]);
});
