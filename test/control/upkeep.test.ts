// Upkeep: what lost its process, its queue entry or its time.
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { silentLog } from "../../src/observe/log.ts";
import { Listener } from "../../src/postgres/listener.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { recordAttempts } from "../../src/postgres/record.ts";
import { unsent } from "../../src/lanes/realtime/settle-call.ts";
import { createExpiry } from "../../src/upkeep/expiry.ts";
import { createPruner } from "../../src/upkeep/pruner.ts";
import { createReaper } from "../../src/upkeep/reaper.ts";
import { createUnclaimedSweep } from "../../src/upkeep/unclaimed.ts";
import { createUpkeep } from "../../src/upkeep/upkeep.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";
import { runJob, seedBulk } from "./seed.ts";

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

const noBreaker = {
  factor: 0,
  floorNano: 0n,
  hourlyNano: null,
  failurePct: 0,
  retryPct: 0,
  attemptsMin: 1,
  historyHoursMin: 1,
};

const parts = () => ({ pool, database: pool, log: silentLog, newId });

async function deadProcess(): Promise<string> {
  const id = newId();
  await pool.query(
    `INSERT INTO processes (id, host, pid, roles, lease_until) VALUES ($1, 'here', 1, '{worker}', now() - interval '1 s')`,
    [id],
  );
  return id;
}

test("a lost worker's calls are booked at their worst case and tried again, but for those without another try", async () => {
  const bulk = await seedBulk(pool, { jobs: 4 });
  const [again = "", last = "", alive = "", canceled = ""] = bulk.jobIds;
  const dead = await deadProcess();
  await pool.query(
    "INSERT INTO processes (id, host, pid, roles, lease_until) VALUES ('alive', 'here', 1, '{worker}', now() + interval '1 minute')",
  );
  await pool.query("UPDATE jobs SET attempts_paid = 2 WHERE id = $1", [last]);
  await runJob(pool, again, dead, 1_234n);
  await runJob(pool, last, dead, 50n);
  await runJob(pool, alive, "alive");
  await runJob(pool, canceled, dead, 7n);
  await pool.query(
    "UPDATE jobs SET state = 'canceled', finished_at = now(), finish_seq = nextval('job_finish_seq') WHERE id = $1",
    [canceled],
  );
  const reapers = [createReaper(parts()), createReaper(parts())];
  await Promise.all(reapers.map((reaper) => reaper.runOnce()));
  const { rows } = await pool.query(
    `SELECT j.id, j.state, j.retry_reason, j.failure_code, j.failure_fault, j.tries, j.attempts_paid, j.presumed_nano,
            a.state AS attempt, a.outcome, a.cost_nano, (SELECT count(*)::int FROM ledger l WHERE l.job_id = j.id AND kind = 'presume') AS booked
       FROM jobs j JOIN attempts a ON a.job_id = j.id WHERE j.bulk_id = $1`,
    [bulk.bulkId],
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  const presumed = { attempt: "presumed", outcome: "lost_worker", booked: 1 };
  expect(byId.get(again)).toMatchObject({
    ...presumed,
    state: "queued",
    retry_reason: "lost_worker",
    tries: 1,
    attempts_paid: 1,
    cost_nano: 1_234n,
    presumed_nano: 1_234n,
  });
  expect(byId.get(last)).toMatchObject({
    ...presumed,
    state: "failed",
    failure_code: "attempts_exhausted",
    failure_fault: "sluice",
    attempts_paid: 3,
  });
  expect(byId.get(alive)).toMatchObject({ state: "running", attempt: "open", booked: 0 });
  expect(byId.get(canceled)).toMatchObject({ ...presumed, state: "canceled", presumed_nano: 7n });
});

test("a call that was presumed and turns out never to have been sent gives back its place among the attempts", async () => {
  const bulk = await seedBulk(pool, { jobs: 1 });
  const [id = ""] = bulk.jobIds;
  await runJob(pool, id, await deadProcess(), 99n);
  await createReaper(parts()).runOnce();
  const seen = async () =>
    (await pool.query("SELECT state, attempts_paid, cost_nano, presumed_nano FROM jobs WHERE id = $1", [id]))
      .rows[0];
  expect(await seen()).toEqual({ state: "queued", attempts_paid: 1, cost_nano: 99n, presumed_nano: 99n });
  // Its process was only frozen between the claim and the call, and finds its permission gone.
  const listener = new Listener(database.url, { applicationName: "test", log: silentLog });
  await listener.start();
  const heard: string[] = [];
  listener.on("sluice_budget", (about) => heard.push(about));
  const [late] = await recordAttempts(pool, [unsent({ id, attemptNo: 1 }, "no_permission", "stop")]);
  expect(late).toMatchObject({ recorded: "late", jobMoved: false });
  // Its money is free again, and whoever waits for it hears of that.
  await waitFor("the word", () => heard.length === 1);
  await listener.stop();
  expect(await seen()).toEqual({ state: "queued", attempts_paid: 0, cost_nano: 0n, presumed_nano: 0n });
});

test("what nobody claimed in time goes back, and the dispatcher hears of it", async () => {
  const listener = new Listener(database.url, { applicationName: "test", log: silentLog });
  await listener.start();
  const heard: string[] = [];
  listener.on("sluice_work", (queueId) => heard.push(queueId));
  const bulk = await seedBulk(pool, { jobs: 3 });
  const [lost = "", fresh = "", claimed = ""] = bulk.jobIds;
  await pool.query(
    "UPDATE jobs SET state = 'dispatched', dispatch_no = 1, lease_until = now() - interval '1 s' WHERE id = ANY ($1)",
    [[lost, claimed]],
  );
  await pool.query(
    "UPDATE jobs SET state = 'dispatched', dispatch_no = 1, lease_until = now() + interval '1 minute' WHERE id = $1",
    [fresh],
  );
  await runJob(pool, claimed, "alive");
  expect(await createUnclaimedSweep(parts()).runOnce()).toBe(1);
  const { rows } = await pool.query(
    "SELECT id, state, dispatch_no FROM jobs WHERE bulk_id = $1 ORDER BY line",
    [bulk.bulkId],
  );
  expect(rows).toEqual([
    { id: lost, state: "queued", dispatch_no: 1 },
    { id: fresh, state: "dispatched", dispatch_no: 1 },
    { id: claimed, state: "running", dispatch_no: 1 },
  ]);
  await waitFor("the notification", () => heard.includes(bulk.queueId));
  await listener.stop();
});

test("waiting jobs past the age of their bulk expire; what is under way is left to its end", async () => {
  const bulk = await seedBulk(pool, { jobs: 3 });
  const [waiting = "", running = "", approval = ""] = bulk.jobIds;
  await runJob(pool, running, "alive");
  await pool.query("UPDATE jobs SET state = 'awaiting_approval' WHERE id = $1", [approval]);
  const expiry = createExpiry(parts());
  expect(await expiry.runOnce()).toBe(0);
  await pool.query("UPDATE bulks SET expires_at = now() - interval '1 s' WHERE id = $1", [bulk.bulkId]);
  expect(await expiry.runOnce()).toBe(2);
  const { rows } = await pool.query("SELECT id, state FROM jobs WHERE bulk_id = $1 ORDER BY line", [
    bulk.bulkId,
  ]);
  expect(rows.map((row) => row.state)).toEqual(["expired", "running", "expired"]);
  expect(rows[0].id).toBe(waiting);
});

test("a passed deadline ends those jobs only whose type says so, and the next deadline is noted", async () => {
  const bulk = await seedBulk(pool, { jobs: 4 });
  const [past = "", keeps = "", later = ""] = bulk.jobIds;
  await pool.query(
    "UPDATE jobs SET deadline_at = now() - interval '1 s', expires_at_deadline = (id = $1) WHERE id = ANY ($2)",
    [past, [past, keeps]],
  );
  await pool.query(
    "UPDATE jobs SET deadline_at = now() + interval '1 hour', expires_at_deadline = true WHERE id = $1",
    [later],
  );
  await pool.query("UPDATE bulks SET deadline_sweep_at = now() - interval '1 s' WHERE id = $1", [
    bulk.bulkId,
  ]);
  expect(await createExpiry(parts()).runOnce()).toBe(1);
  const { rows } = await pool.query(
    `SELECT (SELECT array_agg(state ORDER BY line) FROM jobs WHERE bulk_id = b.id) AS states,
            b.deadline_sweep_at = (SELECT deadline_at FROM jobs WHERE id = $2) AS noted FROM bulks b WHERE id = $1`,
    [bulk.bulkId, later],
  );
  expect(rows).toEqual([{ states: ["expired", "queued", "queued", "queued"], noted: true }]);
});

test("idempotency records and rows of processes go when their time is over", async () => {
  await pool.query(
    `INSERT INTO idempotency_keys (tenant_id, key, route, process_id, expires_at)
     VALUES ('installation', 'old', '/', 'p', now() - interval '1 s'), ('installation', 'new', '/', 'p', now() + interval '1 h')`,
  );
  await pool.query(
    `INSERT INTO processes (id, host, pid, roles, lease_until, ended_at) VALUES
     ('gone', 'here', 1, '{worker}', now(), now() - interval '30 days'), ('recent', 'here', 1, '{worker}', now(), now())`,
  );
  await createPruner({ ...parts(), clock: systemClock }).runOnce();
  const { rows } = await pool.query(
    "SELECT key AS name FROM idempotency_keys UNION ALL SELECT id FROM processes WHERE id IN ('gone', 'recent') ORDER BY 1",
  );
  expect(rows.map((row) => row.name)).toEqual(["new", "recent"]);
});

test("alerts that are done with go after a quarter; what has not left stays", async () => {
  await pool.query(
    `INSERT INTO alerts (dedupe_key, kind, tenant_id, scope, state, announced_at, raised_at, delivered_at) VALUES
     ('old', 'test', 'installation', 'global', 'delivered', now(), now() - interval '91 days', now()),
     ('given up', 'test', 'installation', 'global', 'failed', now(), now() - interval '91 days', NULL),
     ('waiting', 'test', 'installation', 'global', 'pending', now(), now() - interval '91 days', NULL),
     ('young', 'test', 'installation', 'global', 'logged', now(), now() - interval '89 days', NULL)`,
  );
  await createPruner({ ...parts(), clock: systemClock }).runOnce();
  const { rows } = await pool.query("SELECT dedupe_key FROM alerts WHERE kind = 'test' ORDER BY 1");
  expect(rows.map((row) => row.dedupe_key)).toEqual(["waiting", "young"]);
});

test("the budget of a quote ends with its bulk, once nothing is held under it; other budgets of the bulk stay", async () => {
  const bulk = await seedBulk(pool, { jobs: 0 });
  const [quoted, own, hold] = [newId(), newId(), newId()];
  await pool.query(
    `INSERT INTO quotes (id, tenant_id, queue_id, job_type, request_sha256, worst_nano, created_by, expires_at, bulk_id)
     VALUES ($1, $2, $3, 'type', sha256('x'), 100, 'test', now(), $4)`,
    [newId(), bulk.tenantId, bulk.queueId, bulk.bulkId],
  );
  await pool.query(
    `INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind)
     VALUES ($1, $2, 'bulk', $3, 'ada', 100, 'total'), ($4, $2, 'bulk', $3, 'ada', 100, 'day')`,
    [quoted, bulk.tenantId, bulk.bulkId, own],
  );
  await pool.query(
    `WITH w AS (INSERT INTO budget_windows (budget_id, tenant_id, starts_at, ends_at, limit_nano, held_nano)
                VALUES ($1, $2, now(), 'infinity', 100, 10) RETURNING id),
          h AS (INSERT INTO holds (id, tenant_id, owner_kind, owner_id, reason, amount_nano, remaining_nano)
                VALUES ($3, $2, 'message_batch', 'b', 'test', 10, 10) RETURNING id)
     INSERT INTO hold_parts (hold_id, window_id, amount_nano, remaining_nano) SELECT h.id, w.id, 10, 10 FROM w, h`,
    [quoted, bulk.tenantId, hold],
  );
  const ended = async (): Promise<string[]> => {
    await createPruner({ ...parts(), clock: systemClock }).runOnce();
    const { rows } = await pool.query("SELECT id FROM budgets WHERE target = $1 AND ended_at IS NOT NULL", [
      bulk.bulkId,
    ]);
    return rows.map((row) => row.id);
  };
  expect(await ended()).toEqual([]);
  await pool.query("UPDATE bulks SET finished_at = now() WHERE id = $1", [bulk.bulkId]);
  expect(await ended()).toEqual([]);
  await pool.query("UPDATE hold_parts SET remaining_nano = 0 WHERE hold_id = $1", [hold]);
  expect(await ended()).toEqual([quoted]);
});

test("upkeep runs in one process, and in another as soon as that one leaves", async () => {
  const start = async () => {
    const listener = new Listener(database.url, { applicationName: "test", log: silentLog });
    await listener.start();
    const upkeep = createUpkeep({
      ...parts(),
      listener,
      holder: newId(),
      clock: systemClock,
      breaker: noBreaker,
      further: [],
    });
    await upkeep.start();
    return { stop: () => upkeep.stop().then(() => listener.stop()) };
  };
  const first = await start();
  const second = await start();
  const bulk = await seedBulk(pool, { jobs: 2 });
  await pool.query(
    "UPDATE jobs SET state = 'succeeded', finished_at = now(), finish_seq = nextval('job_finish_seq') WHERE bulk_id = $1",
    [bulk.bulkId],
  );
  const finished = async (id: string) => {
    const { rows } = await pool.query("SELECT finished_at FROM bulks WHERE id = $1", [id]);
    return rows[0].finished_at !== null;
  };
  await waitFor("the finish", () => finished(bulk.bulkId));
  await first.stop();
  const empty = await seedBulk(pool, { jobs: 0 });
  await waitFor("the finish of a bulk without jobs", () => finished(empty.bulkId));
  await second.stop();
  const { rows } = await pool.query("SELECT epoch FROM leases WHERE name = 'upkeep'");
  expect(rows).toEqual([{ epoch: 2n }]);
});
