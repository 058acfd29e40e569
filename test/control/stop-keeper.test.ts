// While stopped a job type may answer by itself: at once, at no cost, decided by nobody; all other work waits.
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { StopKeeper } from "../../src/control/stop-keeper.ts";
import { lift, stop } from "../../src/control/stops.ts";
import { compileJobType } from "../../src/domain/compile-job-type.ts";
import { defineJobType, type OnStop } from "../../src/domain/job-type.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { seedBulk } from "./seed.ts";

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

const typeOf = (onStop: OnStop) =>
  compileJobType(
    defineJobType({
      name: "classify-intent",
      owner: "team",
      description: "A type with one answer for all.",
      model: "claude-haiku-4-5",
      maxTokens: 100,
      input: z.object({ text: z.string() }),
      fields: { text: { trust: "data" } },
      output: z.object({ intent: z.string() }),
      prompts: [{ version: 1, file: "v1.md", sha256: "0".repeat(64) }],
      onStop,
    }),
    [{ version: 1, sha256: "0".repeat(64), text: "Classify." }],
  );

test("waiting jobs in the scope of a stop are answered, those outside it and without a stop are not", async () => {
  const stopped = await seedBulk(pool, { jobs: 1_200 });
  const other = await seedBulk(pool, { jobs: 3 });
  const type = typeOf({ answer: { intent: "ask_later" } });
  const keeper = new StopKeeper({
    database: pool,
    log: silentLog,
    flags: { open: [] },
    jobTypes: new Map([[type.name, type]]),
  });
  await keeper.runOnce();
  const act = { tenantId: "installation", actor: "test", reason: "test" };
  const wish = { scope: "bulk", target: stopped.bulkId, mode: "drain" } as const;
  const set = await stop({ database: pool, log: silentLog }, wish, act);
  await keeper.runOnce();
  const { rows } = await pool.query(
    `SELECT j.state, r.output, r.decided_by, count(*)::int AS jobs, sum(j.cost_nano)::int AS cost
       FROM jobs j LEFT JOIN job_results r ON r.job_id = j.id WHERE j.bulk_id = ANY ($1) GROUP BY 1, 2, 3 ORDER BY 4`,
    [[stopped.bulkId, other.bulkId]],
  );
  expect(rows).toEqual([
    { state: "queued", output: null, decided_by: null, jobs: 3, cost: 0 },
    { state: "succeeded", output: '{"intent":"ask_later"}', decided_by: "static", jobs: 1_200, cost: 0 },
  ]);
  await lift({ database: pool, log: silentLog }, set.id, { actor: "test", reason: "test", tenantId: null });
});

test("an answer that does not fit its type is refused at load, and so is another word", () => {
  expect(() => typeOf({ answer: { intnet: "typo" } })).toThrow(/onStop.answer does not fit the output/);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as a definition in JavaScript would say it
  expect(() => typeOf("static" as OnStop)).toThrow(/onStop must be/);
  expect(typeOf("human").stopAnswer).toBeNull();
});
