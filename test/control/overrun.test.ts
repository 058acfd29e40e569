// The stop for overruns, against a real ledger.
import { afterEach, beforeEach, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { pauseQueue, resumeQueue } from "../../src/control/pauses.ts";
import { silentLog } from "../../src/observe/log.ts";
import { listOpenFlags } from "../../src/postgres/flags.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { recordAttempts } from "../../src/postgres/record.ts";
import { createOverrunStop } from "../../src/upkeep/overrun.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { runJob, seedBulk } from "./seed.ts";

let database: TestDatabase;
let pool: Pool;

beforeEach(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 8, applicationName: "test", log: silentLog });
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

const pauses = () => ({ database: pool, log: silentLog });
const openFlags = () => listOpenFlags(pool, null);
const stop = () => createOverrunStop({ pool, newId, log: silentLog });
/** Settles attempts held at 100 for 150 nano-dollars. */
const settle = (ids: readonly string[]) =>
  recordAttempts(
    pool,
    ids.map((jobId) => ({
      jobId,
      attemptNo: 1,
      attempt: {
        state: "settled" as const,
        outcome: "succeeded" as const,
        costNano: 150n,
        realtimeNano: 150n,
      },
      next: { state: "succeeded" as const },
    })),
  );

test("a settlement above its hold is booked, pauses its queue and is told once however many follow", async () => {
  const bulk = await seedBulk(pool, { jobs: 6 });
  await Promise.all(bulk.jobIds.map((id) => runJob(pool, id, "p", 100n)));
  await settle(bulk.jobIds.slice(0, 2));
  await Promise.all([stop().runOnce(), stop().runOnce()]);
  // Calls that were in flight when the pause was set.
  await settle(bulk.jobIds.slice(2));
  await stop().runOnce();
  expect(await openFlags()).toMatchObject([{ scope: "queue", target: bulk.queueId, setBy: "overrun" }]);
  const { rows } = await pool.query("SELECT kind, reason FROM alerts");
  expect(rows).toEqual([
    {
      kind: "overrun",
      reason: expect.stringMatching(/^\$0\.0000001 above the hold in 2 attempts, the first of job /),
    },
  ]);
  const booked = await pool.query(
    "SELECT sum(amount_nano)::bigint AS nano, sum(overrun_nano)::bigint AS overrun FROM ledger",
  );
  expect(booked.rows).toEqual([{ nano: 900n, overrun: 300n }]);
  await expect(
    resumeQueue(pauses(), { queueId: bulk.queueId }, { actor: "service:cron", reason: "go on" }),
  ).rejects.toMatchObject({ code: "person_needed" });
});

test("it takes over a pause that anybody could lift: only a person resumes", async () => {
  const bulk = await seedBulk(pool, { jobs: 1 });
  await Promise.all(bulk.jobIds.map((id) => runJob(pool, id, "p", 100n)));
  await pauseQueue(pauses(), { queueId: bulk.queueId }, { actor: "service:cron", reason: "night" });
  await settle(bulk.jobIds);
  await stop().runOnce();
  expect(await openFlags()).toMatchObject([{ scope: "queue", target: bulk.queueId, setBy: "overrun" }]);
  await expect(
    resumeQueue(pauses(), { queueId: bulk.queueId }, { actor: "service:cron", reason: "day" }),
  ).rejects.toMatchObject({ code: "person_needed" });
});
