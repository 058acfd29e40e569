// Pausing and canceling, as rows.
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { cancelBulk, cancelJob } from "../../src/control/cancel.ts";
import { listPauses, pauseAll, pauseQueue, resumeAll, resumeQueue } from "../../src/control/pauses.ts";
import { silentLog } from "../../src/observe/log.ts";
import { Listener } from "../../src/postgres/listener.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { createCancelRest } from "../../src/upkeep/cancel-rest.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";
import { runJob, seedBulk, seedQueue, seedTenant, type SeededBulk } from "./seed.ts";

let database: TestDatabase;
let pool: Pool;
const act = { actor: "ada", reason: "incident" };

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 6, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const deps = () => ({ database: pool, log: silentLog });
const auditActs = async (subjectId: string) => {
  const { rows } = await pool.query<{ act: string; actor: string }>(
    "SELECT act, actor FROM audit_events WHERE subject_id = $1 ORDER BY id",
    [subjectId],
  );
  return rows.map((row) => row.act);
};
const stateOf = async (jobIds: readonly string[]) => {
  const { rows } = await pool.query<{ state: string }>(
    "SELECT DISTINCT state FROM jobs WHERE id = ANY ($1)",
    [jobIds],
  );
  return rows.map((row) => row.state).toSorted();
};

async function batchOf(
  bulk: SeededBulk,
  jobIds: readonly string[],
  state: "intent" | "created",
): Promise<string> {
  const id = newId();
  await pool.query(
    `INSERT INTO holds (id, tenant_id, owner_kind, owner_id, reason, amount_nano, remaining_nano) VALUES ($1, $2, 'message_batch', $1, 'test', 0, 0)`,
    [id, bulk.tenantId],
  );
  await pool.query(
    `INSERT INTO message_batches (id, tenant_id, queue_id, credential_id, state, line_count, body_bytes, hold_id, provider_id, next_poll_at)
     VALUES ($1, $2, $3, 'default', $4, $5, 100, $1, $6, now() + interval '1 hour')`,
    [id, bulk.tenantId, bulk.queueId, state, jobIds.length, state === "created" ? `p-${id}` : null],
  );
  await pool.query("UPDATE jobs SET state = $3, message_batch_id = $2 WHERE id = ANY ($1)", [
    jobIds,
    id,
    state === "created" ? "running" : "dispatched",
  ]);
  return id;
}

test("pausing twice is one pause, and only the first is an act", async () => {
  const tenantId = await seedTenant(pool);
  const queue = await seedQueue(pool, tenantId);
  const [one, two] = await Promise.all([
    pauseQueue(deps(), { tenantId, name: queue.name }, act),
    pauseQueue(deps(), { queueId: queue.id }, { actor: "bob", reason: "me too" }),
  ]);
  expect(two.id).toBe(one.id);
  expect(await listPauses(deps(), tenantId)).toEqual([one]);
  expect((await resumeQueue(deps(), { tenantId, name: queue.name }, act))?.id).toBe(one.id);
  expect(await resumeQueue(deps(), { tenantId, name: queue.name }, act)).toBeUndefined();
  expect(await auditActs(queue.id)).toEqual(["pause.set", "pause.lifted"]);
});

test("a shared queue is paused by the installation and found by nobody else", async () => {
  const shared = await seedQueue(pool);
  const tenantId = await seedTenant(pool);
  await expect(pauseQueue(deps(), { tenantId, name: shared.name }, act)).rejects.toMatchObject({
    code: "queue_not_found",
  });
  const flag = await pauseQueue(deps(), { tenantId: "installation", name: shared.name }, act);
  expect(flag).toMatchObject({ scope: "queue", target: shared.id, tenantId: "installation" });
  const foreign = await seedQueue(pool, await seedTenant(pool));
  await expect(resumeQueue(deps(), { tenantId, name: foreign.name }, act)).rejects.toMatchObject({
    code: "queue_not_found",
  });
});

test("resuming everything leaves a queue paused that was paused by itself", async () => {
  const tenantId = await seedTenant(pool);
  const queue = await seedQueue(pool, tenantId);
  await pauseAll(deps(), act);
  await pauseQueue(deps(), { queueId: queue.id }, act);
  expect((await listPauses(deps(), null)).map((flag) => flag.scope)[0]).toBe("global");
  await resumeAll(deps(), act);
  expect((await listPauses(deps(), tenantId)).map((flag) => flag.scope)).toEqual(["queue"]);
});

test("a waiting job is canceled at once; one with an outcome keeps it; a foreign one is not found", async () => {
  const bulk = await seedBulk(pool, { jobs: 2 });
  const [id = "", finished = ""] = bulk.jobIds;
  const request = { id, tenantId: bulk.tenantId, actor: "ada", reason: null };
  await expect(cancelJob(deps(), { ...request, tenantId: await seedTenant(pool) })).rejects.toMatchObject({
    code: "not_found",
  });
  expect(await cancelJob(deps(), request)).toEqual({ priorState: "queued" });
  expect(await cancelJob(deps(), request)).toEqual({ priorState: "canceled" });
  expect(await auditActs(id)).toEqual(["job.cancel"]);
  await pool.query(
    "UPDATE jobs SET state = 'succeeded', finished_at = now(), finish_seq = nextval('job_finish_seq') WHERE id = $1",
    [finished],
  );
  await expect(cancelJob(deps(), { ...request, id: finished })).rejects.toMatchObject({
    code: "job_finished",
  });
  expect(await stateOf([finished])).toEqual(["succeeded"]);
});

test("a realtime call under way is told to stop, and its attempt stays open until it has ended", async () => {
  const listener = new Listener(database.url, { applicationName: "test", log: silentLog });
  await listener.start();
  const told: string[] = [];
  listener.on("sluice_cancel", (payload) => told.push(payload));
  const bulk = await seedBulk(pool, { jobs: 3 });
  const [id = "", other = ""] = bulk.jobIds;
  await runJob(pool, id, "p1");
  await runJob(pool, other, "p1");
  expect(await cancelJob(deps(), { id, tenantId: null, actor: "ada", reason: null })).toEqual({
    priorState: "running",
  });
  const answer = await cancelBulk(deps(), {
    id: bulk.bulkId,
    tenantId: bulk.tenantId,
    actor: "ada",
    reason: "typo",
  });
  expect(answer).toEqual({ canceled: 2, running: 1, messageBatchesCanceled: 0 });
  await waitFor("both notifications", () => told.length === 2);
  expect(told).toEqual([id, `bulk:${bulk.bulkId}`]);
  expect(await stateOf(bulk.jobIds)).toEqual(["canceled"]);
  const { rows } = await pool.query("SELECT DISTINCT state FROM attempts WHERE bulk_id = $1", [bulk.bulkId]);
  expect(rows).toEqual([{ state: "open" }]);
  await listener.stop();
});

test("a message batch is canceled when nobody wants a line of it any more, and not before", async () => {
  const one = await seedBulk(pool, { jobs: 4, lane: "batch" });
  const two = await seedBulk(pool, { jobs: 1, lane: "batch", tenantId: one.tenantId, queueId: one.queueId });
  const alone = await batchOf(one, one.jobIds.slice(0, 2), "intent");
  const mixed = await batchOf(one, [...one.jobIds.slice(2), ...two.jobIds], "created");
  const canceled = async () => {
    const { rows } = await pool.query(
      "SELECT id FROM message_batches WHERE cancel_requested_at IS NOT NULL AND next_poll_at <= now()",
    );
    return rows.map((row) => row.id);
  };
  expect(
    await cancelBulk(deps(), { id: one.bulkId, tenantId: null, actor: "ada", reason: null }),
  ).toMatchObject({
    canceled: 4,
    messageBatchesCanceled: 1,
  });
  expect(await canceled()).toEqual([alone]);
  await cancelJob(deps(), { id: two.jobIds[0] ?? "", tenantId: null, actor: "ada", reason: null });
  expect(new Set(await canceled())).toEqual(new Set([alone, mixed]));
});

test("a bulk larger than a chunk is canceled whole, while others move its jobs", async () => {
  const bulk = await seedBulk(pool, { jobs: 11_000 });
  const moving = Promise.all(
    bulk.jobIds
      .filter((_, at) => at % 1_000 === 0)
      .map((id) =>
        pool.query("UPDATE jobs SET state = 'dispatched' WHERE id = $1 AND state = 'queued'", [id]),
      ),
  );
  const answer = await cancelBulk(deps(), { id: bulk.bulkId, tenantId: null, actor: "ada", reason: null });
  await moving;
  expect(answer.canceled).toBe(11_000);
  expect(await stateOf(bulk.jobIds)).toEqual(["canceled"]);
});

test("a cancellation whose process died half way is brought to its end", async () => {
  const bulk = await seedBulk(pool, { jobs: 3 });
  await pool.query(
    "UPDATE bulks SET canceled_at = now() - interval '1 minute', canceled_by = 'ada' WHERE id = $1",
    [bulk.bulkId],
  );
  expect(await createCancelRest(deps()).runOnce()).toBe(3);
  expect(await stateOf(bulk.jobIds)).toEqual(["canceled"]);
});
