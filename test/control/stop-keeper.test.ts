// While stopped a job type may answer by itself: at once, at no cost, decided by nobody; all other work waits.
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { StopKeeper } from "../../src/control/stop-keeper.ts";
import { lift, stop } from "../../src/control/stops.ts";
import { compileJobType } from "../../src/domain/compile-job-type.ts";
import { defineJobType, type OnStop } from "../../src/domain/job-type.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { findDueBulks } from "../../src/postgres/upkeep.ts";
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

test("time under a pause or a stop does not count against the maximum age of a bulk; overlapping ones count once", async () => {
  // Created five hours ago, past its age for one hour, held by two flags for the first three hours or for the first half hour.
  const aged = async (flags: readonly (readonly [fromMinutes: number, toMinutes: number | null])[]) => {
    const { bulkId, queueId, tenantId } = await seedBulk(pool, { jobs: 1 });
    await pool.query(
      "UPDATE bulks SET created_at = now() - interval '5 hours', expires_at = now() - interval '1 hour' WHERE id = $1",
      [bulkId],
    );
    for (const [from, to] of flags)
      // oxlint-disable-next-line no-await-in-loop -- two at most
      await pool.query(
        `INSERT INTO flags (id, tenant_id, kind, scope, target, reason, set_by, set_at, lifted_at, lifted_by)
         VALUES (new_id(), $1, 'pause', 'queue', $2, 'test', 'test', now() - $3 * interval '1 minute',
                 now() - $4::float8 * interval '1 minute', CASE WHEN $4::float8 IS NOT NULL THEN 'test' END)`,
        [tenantId, queueId, from, to],
      );
    return (await findDueBulks(pool)).some(({ id }) => id === bulkId);
  };
  expect(await aged([])).toBe(true);
  expect(await aged([[300, 120]])).toBe(false);
  expect(await aged([[300, 270]])).toBe(true);
  expect(
    await aged([
      [300, 260],
      [290, 270],
    ]),
  ).toBe(true);
  expect(await aged([[65, null]])).toBe(false);
  expect(await aged([[55, null]])).toBe(true);
});

test("an answer that does not fit its type is refused at load, and so is another word", () => {
  expect(() => typeOf({ answer: { intnet: "typo" } })).toThrow(/onStop.answer does not fit the output/);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as a definition in JavaScript would say it
  expect(() => typeOf("static" as OnStop)).toThrow(/onStop must be/);
  expect(typeOf("human").stopAnswer).toBeNull();
});
