// The books under refusal: one record the database does not take must not keep its neighbours from being written.
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

test("a record that PostgreSQL refuses fails alone, and those that came with it are written", async () => {
  const bulk = await seedBulk(pool, { jobs: 5 });
  for (const id of bulk.jobIds) await runJob(pool, id, "process");
  const books = openBooks(pool, {
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
    "SELECT state, count(*)::int AS n FROM jobs GROUP BY state ORDER BY state",
  );
  expect(rows).toEqual([
    { state: "running", n: 1 },
    { state: "succeeded", n: 4 },
  ]);
});
