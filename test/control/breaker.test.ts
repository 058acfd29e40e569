// The runaway breaker, against a real ledger.
import { afterEach, beforeEach, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { limits } from "../../src/config/limits.ts";
import { pauseQueue, resumeQueue, resumeTenant } from "../../src/control/pauses.ts";
import type { BreakerRules } from "../../src/domain/breaker.ts";
import { silentLog } from "../../src/observe/log.ts";
import { foldSpend } from "../../src/postgres/breaker.ts";
import { listOpenFlags } from "../../src/postgres/flags.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { recordAttempts } from "../../src/postgres/record.ts";
import { createBreaker } from "../../src/upkeep/breaker.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { runJob, seedBulk, type SeededBulk } from "./seed.ts";

let database: TestDatabase;
let pool: Pool;

beforeEach(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 8, applicationName: "test", log: silentLog });
  await rememberSince("3 hours");
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

/** The breaker's memory begins so long ago: what is booked before is not history. */
const rememberSince = (ago: string) =>
  pool.query("UPDATE spend_fold SET folded_until = date_trunc('minute', now() - $1::interval)", [ago]);
async function remember(): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- hour after hour
  while ((await foldSpend(pool, limits.spendFoldLagMs)).isBehind);
}

const dollar = 1_000_000_000n;
const rules: BreakerRules = {
  factor: 5,
  floorNano: 5n * dollar,
  hourlyNano: null,
  failurePct: 50,
  retryPct: 50,
  attemptsMin: 20,
  historyHoursMin: limits.breakerHistoryHoursMin,
};
const breaker = (changed: Partial<BreakerRules> = {}) =>
  createBreaker({ pool, newId, log: silentLog, rules: { ...rules, ...changed } });
const pauses = () => ({ database: pool, log: silentLog });
const openFlags = async () =>
  (await listOpenFlags(pool, null)).map(({ scope, target, setBy, reason }) => ({
    scope,
    target,
    setBy,
    reason,
  }));

let entryNo = 0;
/** Books spend of a queue so many minutes ago. */
async function spend(
  { tenantId, queueId }: Pick<SeededBulk, "tenantId" | "queueId">,
  nano: bigint,
  minutesAgo: number,
): Promise<void> {
  entryNo += 1;
  await pool.query(
    `INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, price_id,
       amount_nano, realtime_nano, created_at)
     VALUES ($1, 'settle', $2, 1, 'b', $3, 'type', 1, 'model', 'realtime', 'price', $4, $4, now() - $5 * interval '1 minute')`,
    [tenantId, `job-${entryNo}`, queueId, nano, minutesAgo],
  );
}

/** Six days with one hour of a dollar each, for every queue. */
async function history(...queues: readonly SeededBulk[]): Promise<void> {
  await rememberSince("7 days");
  // oxlint-disable no-await-in-loop -- one day after the other
  for (const queue of queues) for (let day = 1; day <= 6; day += 1) await spend(queue, dollar, day * 24 * 60);
  // oxlint-enable no-await-in-loop
  await remember();
}

test("spend far above the usual pauses its queue with the figures, an alert and an audit event, once", async () => {
  const queue = await seedBulk(pool, { jobs: 0 });
  await history(queue);
  await spend(queue, 3n * dollar, 0);
  expect(await breaker().runOnce()).toBe(0);
  // Younger than what is added up: read from the ledger itself.
  await spend(queue, 3n * dollar, 0);
  const both = await Promise.all([breaker().runOnce(), breaker().runOnce()]);
  expect(both.reduce((sum, n) => sum + n, 0)).toBe(1);
  expect(await breaker().runOnce()).toBe(0);
  const reason =
    "$6.00 in the last hour, above 5 times the median hour of the last 7 days ($1.00, 6 hours with spend)";
  // Not its tenant, which has spent nothing elsewhere.
  expect(await openFlags()).toEqual([
    { scope: "queue", target: queue.queueId, setBy: "breaker", reason: `runaway: ${reason}` },
  ]);
  const { rows } = await pool.query("SELECT kind, scope, target, owner, reason, tenant_id FROM alerts");
  expect(rows).toEqual([
    {
      kind: "breaker_tripped",
      scope: "queue",
      target: queue.queueId,
      owner: "ada",
      reason,
      tenant_id: queue.tenantId,
    },
  ]);
  const audit = await pool.query("SELECT actor, act FROM audit_events WHERE subject_id = $1", [
    queue.queueId,
  ]);
  expect(audit.rows).toEqual([{ actor: "breaker", act: "pause.set" }]);
});

test("a tenant trips by the sum of its queues, and its queues that have tripped do not count against it", async () => {
  const one = await seedBulk(pool, { jobs: 0 });
  const two = await seedBulk(pool, { jobs: 0, tenantId: one.tenantId });
  await history(one, two);
  await Promise.all([one, two].map((queue) => spend(queue, 4n * dollar, 0)));
  // 8 dollars against a median of 2: not five times as much.
  expect(await breaker().runOnce()).toBe(0);
  await breaker({ factor: 3 }).runOnce();
  expect(await openFlags()).toMatchObject([{ scope: "tenant", target: one.tenantId, setBy: "breaker" }]);
  await resumeTenant(pauses(), one.tenantId, { actor: "person:Ada", reason: "looked" });
  expect(await breaker({ factor: 3 }).runOnce()).toBe(0);
});

test("what has no history is judged by the configured rate and by nothing else", async () => {
  const queue = await seedBulk(pool, { jobs: 0 });
  await spend(queue, 1_000n * dollar, 5);
  expect(await breaker().runOnce()).toBe(0);
  expect(await breaker({ hourlyNano: 1_000n * dollar }).runOnce()).toBe(0);
  expect(await breaker({ hourlyNano: 999n * dollar }).runOnce()).toBe(1);
  expect(await openFlags()).toMatchObject([
    {
      target: queue.queueId,
      reason: "runaway: $1000.00 in the last hour, above the configured $999.00 an hour",
    },
  ]);
});

test("only a person lifts it; then what was spent before counts no more, and what comes after does", async () => {
  const queue = await seedBulk(pool, { jobs: 0 });
  const strict = breaker({ hourlyNano: dollar });
  await spend(queue, 2n * dollar, 0);
  expect(await strict.runOnce()).toBe(1);
  const resume = (actor: string) =>
    resumeQueue(pauses(), { queueId: queue.queueId }, { actor, reason: "go on" });
  await expect(resume("service:cron")).rejects.toMatchObject({ code: "person_needed" });
  await expect(resume("bullmq")).rejects.toMatchObject({ code: "person_needed" });
  expect(await openFlags()).toHaveLength(1);
  expect(await resume("person:Ada")).toMatchObject({ setBy: "breaker" });
  expect(await strict.runOnce()).toBe(0);
  await spend(queue, 1n, 0);
  expect(await strict.runOnce()).toBe(0);
  await spend(queue, dollar, 0);
  expect(await strict.runOnce()).toBe(1);
  // Each trip is an alert of its own.
  const { rows } = await pool.query("SELECT count(*)::int AS n FROM alerts");
  expect(rows).toEqual([{ n: 2 }]);
});

test("a pause by a person is lifted by anybody, and the breaker leaves what is paused alone", async () => {
  const queue = await seedBulk(pool, { jobs: 0 });
  const act = { actor: "service:cron", reason: "maintenance" };
  await pauseQueue(pauses(), { queueId: queue.queueId }, act);
  await spend(queue, 2n * dollar, 0);
  const strict = breaker({ hourlyNano: dollar });
  // Its tenant is judged all the same: whoever holds the queue may let it go at any time.
  expect(await strict.runOnce()).toBe(1);
  expect((await openFlags()).filter(({ scope }) => scope === "queue")).toMatchObject([
    { setBy: "service:cron" },
  ]);
  expect(await resumeQueue(pauses(), { queueId: queue.queueId }, act)).toBeDefined();
});

/** Lets a queue's jobs end so: outcome by job, each a paid attempt. */
async function endJobs(
  bulk: SeededBulk,
  outcomes: readonly ("succeeded" | "invalid_output" | "refused")[],
): Promise<void> {
  await Promise.all(bulk.jobIds.map((id) => runJob(pool, id, "p", 10n)));
  await recordAttempts(
    pool,
    outcomes.map((outcome, at) => ({
      jobId: bulk.jobIds[at] ?? "",
      attemptNo: 1,
      attempt: { state: "settled" as const, outcome, costNano: 5n, realtimeNano: 5n },
      next: { state: outcome },
    })),
  );
}

test("a queue whose paid attempts mostly fail is paused; refusals are answers and do not count", async () => {
  const bad = await seedBulk(pool, { jobs: 20 });
  const fine = await seedBulk(pool, { jobs: 20 });
  await endJobs(
    bad,
    Array.from({ length: 20 }, (_, at) => (at < 11 ? "invalid_output" : "succeeded")),
  );
  await endJobs(
    fine,
    Array.from({ length: 20 }, (_, at) => (at < 10 ? "invalid_output" : "refused")),
  );
  expect(await breaker().runOnce()).toBe(1);
  expect(await openFlags()).toMatchObject([
    {
      scope: "queue",
      target: bad.queueId,
      reason: "runaway: 11 of the last 20 paid attempts failed, above 50 %",
    },
  ]);
  await resumeQueue(pauses(), { queueId: bad.queueId }, { actor: "operator:ada", reason: "prompt mended" });
  expect(await breaker().runOnce()).toBe(0);
});

test("calls that a stop aborted, and their repetition, are no runaway: a person did that", async () => {
  const queue = await seedBulk(pool, { jobs: 20 });
  await Promise.all(queue.jobIds.map((id) => runJob(pool, id, "p", 10n)));
  const aborted = {
    state: "presumed" as const,
    outcome: "aborted" as const,
    costNano: 10n,
    realtimeNano: 10n,
  };
  const again = { state: "queued", retryReason: "aborted", countsTry: false } as const;
  await recordAttempts(
    pool,
    queue.jobIds.map((jobId) => ({ jobId, attemptNo: 1, attempt: aborted, next: again })),
  );
  expect(await breaker().runOnce()).toBe(0);
  await Promise.all(queue.jobIds.map((id) => runJob(pool, id, "p", 10n)));
  await pool.query("UPDATE attempts SET retry_reason = 'aborted' WHERE bulk_id = $1 AND no = 2", [
    queue.bulkId,
  ]);
  const good = { state: "settled" as const, outcome: "succeeded" as const, costNano: 5n, realtimeNano: 5n };
  await recordAttempts(
    pool,
    queue.jobIds.map((jobId) => ({
      jobId,
      attemptNo: 2,
      attempt: good,
      next: { state: "succeeded" as const },
    })),
  );
  expect(await breaker().runOnce()).toBe(0);
  // Nor are the lines of a canceled message batch, which come again in another.
  await pool.query("UPDATE attempts SET retry_reason = 'canceled' WHERE bulk_id = $1 AND no = 2", [
    queue.bulkId,
  ]);
  expect(await breaker().runOnce()).toBe(0);
});

test("a queue that mostly repeats itself is paused", async () => {
  const queue = await seedBulk(pool, { jobs: 20 });
  await pool.query("UPDATE jobs SET attempt_no = 1 WHERE bulk_id = $1", [queue.bulkId]);
  await Promise.all(queue.jobIds.map((id) => runJob(pool, id, "p", 10n)));
  await recordAttempts(
    pool,
    queue.jobIds.map((jobId) => ({
      jobId,
      attemptNo: 2,
      attempt: { state: "settled" as const, outcome: "succeeded" as const, costNano: 5n, realtimeNano: 5n },
      next: { state: "succeeded" as const },
    })),
  );
  expect(await breaker().runOnce()).toBe(1);
  expect((await openFlags())[0]?.reason).toBe(
    "runaway: 20 of the last 20 paid attempts were repetitions, above 50 %",
  );
});

test("the sums by minute and hour are the ledger's, however often and by however many they are folded", async () => {
  const queue = await seedBulk(pool, { jobs: 0 });
  for (const minutesAgo of [0, 1, 5, 59, 61, 90, 200, 60 * 24 * 3, 60 * 24 * 7])
    // oxlint-disable-next-line no-await-in-loop
    await spend(queue, BigInt(minutesAgo + 1), minutesAgo);
  await rememberSince("8 days");
  await Promise.all(Array.from({ length: 4 }, remember));
  const { rows } = await pool.query(
    `SELECT (SELECT sum(amount_nano)::bigint FROM spend_hours) AS hours,
            (SELECT sum(amount_nano)::bigint FROM ledger WHERE created_at < (SELECT folded_until FROM spend_fold)) AS ledger,
            (SELECT sum(amount_nano)::bigint FROM spend_minutes) AS minutes,
            (SELECT sum(amount_nano)::bigint FROM ledger WHERE created_at < (SELECT folded_until FROM spend_fold)
                AND created_at > now() - interval '2 hours') AS young`,
  );
  expect(rows[0].hours).toBe(rows[0].ledger);
  expect(rows[0].minutes).toBe(rows[0].young);
});
