// A line found after a restore that our own cap had cut is owed a turn with the declared one, as if nothing had been lost.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { silentLog } from "../../src/observe/log.ts";
import { readSettledLines } from "../../src/postgres/message-batch-lines.ts";
import { openPool } from "../../src/postgres/pool.ts";
import type { Pool } from "../../src/postgres/pool.ts";
import { readKnownJobs, writeFoundBatch } from "../../src/postgres/recover.ts";
import { seedBulk } from "../control/seed.ts";
import { cloneDatabase } from "../support/stores.ts";
import type { TestDatabase } from "../support/stores.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 3, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** Whether lines whose answers were cut at these tokens, of jobs that may have 100, count as cut by our cap. */
async function cappedLines(cuts: readonly (number | null)[]): Promise<boolean[]> {
  const bulk = await seedBulk(pool, { jobs: cuts.length, lane: "batch" });
  const jobs = new Map((await readKnownJobs(pool, bulk.jobIds)).map((job) => [job.id, job]));
  const known = cuts.flatMap((cutAt, at) => {
    const job = jobs.get(bulk.jobIds[at] ?? "");
    return job === undefined
      ? []
      : [{ job, jobId: job.id, model: job.model, priceId: "", nano: 1_000n, cutAt }];
  });
  const [id, now] = [newId(), new Date()];
  await writeFoundBatch(pool, {
    id,
    holdId: newId(),
    credentialId: "default",
    lineCount: known.length,
    known,
    unknown: [],
    now,
    provider: {
      id: `msgbatch_${id}`,
      status: "ended",
      createdAt: now,
      expiresAt: now,
      archived: false,
      counts: { processing: 0, succeeded: known.length, errored: 0, canceled: 0, expired: 0 },
    },
  });
  const lines = await readSettledLines(pool, id, bulk.jobIds, 1_000);
  return bulk.jobIds.map((jobId) => lines.find((line) => line.job_id === jobId)?.is_capped ?? false);
}

test("a found line that was cut below the declared cap was cut by ours, where the type is right-sized", async () => {
  const cuts = [60, 100, null];
  expect(await cappedLines(cuts)).toEqual([false, false, false]);
  await pool.query(
    "INSERT INTO right_sizes (job_type, prompt_version, model, lengths, samples) VALUES ('classify-intent', 1, 'claude-haiku-4-5', '{}', 0)",
  );
  expect(await cappedLines(cuts)).toEqual([true, false, false]);
});
