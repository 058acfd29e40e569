// Claims at the worst moment: the answer to a commit is lost, a place in the pace for an entry that is stale, a call that waits
// for its place when everything ends.
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { ServiceError } from "../../src/domain/errors.ts";
import type { PreparedJobs } from "../../src/domain/prepared-jobs.ts";
import { createRealtimeWorker } from "../../src/lanes/realtime/worker.ts";
import type { WorkerDeps } from "../../src/lanes/realtime/worker.ts";
import { createPace } from "../../src/limiter/pace.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool, type Client, type Pool } from "../../src/postgres/pool.ts";
import { seedBulk, type SeededBulk } from "../control/seed.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 6, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const scopeOf = ({ tenantId, queueId, bulkId }: SeededBulk) => ({
  tenantId,
  queueId,
  bulkId,
  jobType: "classify-intent",
  model: "claude-haiku-4-5",
});

/** A dispatched job, as the dispatcher leaves it. */
async function dispatched(): Promise<{ bulk: SeededBulk; jobId: string }> {
  const bulk = await seedBulk(pool, { jobs: 1 });
  const [jobId = ""] = bulk.jobIds;
  await pool.query("INSERT INTO job_inputs (job_id, tenant_id, input) VALUES ($1, $2, '{}')", [
    jobId,
    bulk.tenantId,
  ]);
  await pool.query(
    `UPDATE jobs SET state = 'dispatched', dispatch_no = 1, dispatched_at = now(), lease_until = now() + interval '1 minute',
            request_sha256 = sha256('{}') WHERE id = $1`,
    [jobId],
  );
  return { bulk, jobId };
}

/** A job type whose requests are all `{}`, as the hash of the rows above says. */
const rendersBraces = {
  render: () => ({
    params: "{}",
    inputTokensMax: 1,
    traits: { cacheWrite: "none", mayRunInUs: false, webSearchesMax: 0 },
  }),
} as unknown as PreparedJobs;

/** A pool whose first COMMIT arrives, and whose answer does not. */
function losingOneCommit(real: Pool): Pool {
  let lost = false;
  const losing = (client: Client): Client =>
    new Proxy(client, {
      get(target, name) {
        if (name !== "query") {
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        }
        return async (text: string, values?: unknown[]) => {
          const answer: unknown = await target.query(text, values);
          if (lost || text !== "COMMIT") return answer;
          lost = true;
          throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
        };
      },
    });
  return new Proxy(real, {
    get(target, name) {
      if (name === "connect") return async () => losing(await target.connect());
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

function workerOn(over: Partial<WorkerDeps>) {
  return createRealtimeWorker({
    pool,
    config: parseConfig({ SLUICE_UNBUDGETED: "allow" }),
    clock: systemClock,
    log: silentLog,
    gate: () => ({ open: true }),
    pace: createPace({
      clock: systemClock,
      requestsPerMinute: 60_000,
      sharers: () => 1,
      retryAfterMaxMs: 1_000,
    }),
    provider: {
      createMessage: () => Promise.reject(new Error("nothing is sent here")),
    } as unknown as WorkerDeps["provider"],
    jobTypes: new Map(),
    prepared: { of: () => Promise.resolve(null) },
    random: () => 0.5,
    newId,
    processId: () => "worker",
    credentialId: "default",
    sleep: () => Promise.resolve(),
    ...over,
  });
}

test("a claim whose answer is lost leaves no job running that nobody runs", async () => {
  const { bulk, jobId } = await dispatched();
  const worker = workerOn({ pool: losingOneCommit(pool) });
  const dispatch = { ...scopeOf(bulk), jobId, dispatchNo: 1, notBefore: null };
  await expect(worker.process(dispatch)).rejects.toMatchObject({ code: "database_unavailable" });
  await waitFor("the job to be queued again", async () => {
    const { rows } = await pool.query<{ state: string }>("SELECT state FROM jobs WHERE id = $1", [jobId]);
    return rows[0]?.state === "queued";
  });
  const { rows } = await pool.query(
    `SELECT a.state, a.outcome, a.cost_nano, j.attempts_paid, j.tries, (SELECT count(*)::int FROM holds WHERE state = 'open') AS holds
       FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE a.job_id = $1`,
    [jobId],
  );
  expect(rows).toEqual([
    { state: "unpaid", outcome: "not_sent", cost_nano: 0n, attempts_paid: 0, tries: 0, holds: 0 },
  ]);
});

test("an entry that was called back takes no place in the pace", async () => {
  const { bulk, jobId } = await dispatched();
  // One start a minute and one to begin with: whoever takes it for nothing keeps the others waiting for a minute.
  const pace = createPace({
    clock: systemClock,
    requestsPerMinute: 1,
    sharers: () => 1,
    retryAfterMaxMs: 1_000,
  });
  const worker = workerOn({ pace });
  const entry = (dispatchNo: number) => ({ ...scopeOf(bulk), jobId, dispatchNo, notBefore: null });
  const stale = await Promise.all([worker.process(entry(7)), worker.process(entry(8))]);
  expect(stale).toEqual([
    { outcome: "not_claimed", detail: "gone" },
    { outcome: "not_claimed", detail: "gone" },
  ]);
  // Its job type is not loaded here: it ends without a call, but it was claimed.
  expect(await worker.process(entry(1))).toEqual({ outcome: "not_sent", detail: "failed" });
});

test("a database that is away when the request is to be made fails no job", async () => {
  const { bulk, jobId } = await dispatched();
  const away = () => Promise.reject(new ServiceError("database_unavailable"));
  const worker = workerOn({ prepared: { of: away } });
  const dispatch = { ...scopeOf(bulk), jobId, dispatchNo: 1, notBefore: null };
  expect(await worker.process(dispatch)).toEqual({ outcome: "not_sent", detail: "queued" });
  const { rows } = await pool.query(
    "SELECT state, retry_reason, tries, attempts_paid, cost_nano FROM jobs WHERE id = $1",
    [jobId],
  );
  expect(rows).toEqual([
    { state: "queued", retry_reason: "rows_unavailable", tries: 0, attempts_paid: 0, cost_nano: 0n },
  ]);
});

test("what was claimed ahead and never sent costs nothing, whether its process drains or it is aborted", async () => {
  const sent: (() => void)[] = [];
  const lost = (outcome: "aborted") => ({
    kind: "lost" as const,
    outcome,
    sentAt: new Date(),
    answeredAt: new Date(),
  });
  const busy = (which: "abort" | "drain") =>
    workerOn({
      config: parseConfig({ SLUICE_CONCURRENCY: "1", SLUICE_UNBUDGETED: "allow" }),
      prepared: { of: () => Promise.resolve(rendersBraces) },
      processId: () => which,
      provider: {
        createMessage: (_: string, { signal }: { signal: AbortSignal }) =>
          new Promise((resolve) => {
            sent.push(() => resolve(lost("aborted")));
            signal.addEventListener("abort", () => resolve(lost("aborted")), { once: true });
          }),
      } as unknown as WorkerDeps["provider"],
    });
  for (const which of ["abort", "drain"] as const) {
    sent.splice(0);
    const worker = busy(which);
    const jobs = [await dispatched(), await dispatched()] as const;
    const runs = jobs.map(({ bulk, jobId }) =>
      worker.process({ ...scopeOf(bulk), jobId, dispatchNo: 1, notBefore: null }),
    );
    await waitFor("both to be claimed and one to be sent", async () => {
      const { rows } = await pool.query("SELECT 1 FROM attempts WHERE process_id = $1 AND state = 'open'", [
        which,
      ]);
      return rows.length === 2 && sent.length === 1;
    });
    if (which === "abort") worker.abort({});
    const drained = worker.drain(60_000);
    sent.splice(0).forEach((end) => end());
    await drained;
    await Promise.all(runs);
    const { rows } = await pool.query(
      "SELECT outcome, state, cost_nano > 0 AS paid FROM attempts WHERE process_id = $1 ORDER BY outcome",
      [which],
    );
    expect(rows).toEqual([
      { outcome: "aborted", state: "presumed", paid: true },
      { outcome: "not_sent", state: "unpaid", paid: false },
    ]);
  }
});

test("a call that is late and its successor are two calls: the end of one leaves the other to be aborted", async () => {
  const answered: ((end: unknown) => void)[] = [];
  const lost = { kind: "lost", outcome: "aborted", sentAt: new Date(), answeredAt: new Date() };
  const worker = workerOn({
    prepared: { of: () => Promise.resolve(rendersBraces) },
    processId: () => "reaped",
    provider: {
      createMessage: (_: string, { signal }: { signal: AbortSignal }) =>
        new Promise((resolve) => {
          answered.push(resolve);
          signal.addEventListener("abort", () => resolve(lost), { once: true });
        }),
    } as unknown as WorkerDeps["provider"],
  });
  const { bulk, jobId } = await dispatched();
  const entry = (dispatchNo: number) => ({ ...scopeOf(bulk), jobId, dispatchNo, notBefore: null });
  const late = worker.process(entry(1));
  await waitFor("the first call", () => answered.length === 1);
  // Its process was frozen for a while: the call was booked at its worst case, and the job came round again.
  await pool.query(
    "UPDATE attempts SET state = 'presumed', cost_nano = worst_nano, recorded_at = now() WHERE job_id = $1",
    [jobId],
  );
  await pool.query("UPDATE jobs SET state = 'dispatched', dispatch_no = 2 WHERE id = $1", [jobId]);
  const successor = worker.process(entry(2));
  await waitFor("the second call", () => answered.length === 2);
  answered[1]?.(lost);
  await successor;
  expect(worker.inFlight()).toBe(1);
  expect(worker.abort({ jobId })).toBe(1);
  await late;
  expect(worker.inFlight()).toBe(0);
});
