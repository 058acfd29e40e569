// Bulks as entries and pauses as BullMQ shows them, on both backends.
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { BulkEntries } from "../../src/control/bulk-entries.ts";
import { Follower } from "../../src/control/follower.ts";
import { pauseAll, pauseQueue, resumeAll, resumeQueue } from "../../src/control/pauses.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { finishBulks } from "../../src/postgres/tallies.ts";
import type { QueueBackend } from "../../src/queue/backend.ts";
import {
  cloneDatabase,
  openTestBackend,
  queueBackends,
  redisFor,
  type TestDatabase,
} from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";
import { startMember, type Member } from "./member.ts";
import { seedBulk, type SeededBulk } from "./seed.ts";

// oxlint-disable-next-line max-lines-per-function -- one suite for both backends
describe.each(queueBackends)("the follower on %s", (kind) => {
  let database: TestDatabase;
  let pool: Pool;
  let backend: QueueBackend;
  /** Another BullMQ client of the same queues. */
  let other: QueueBackend;
  let member: Member;
  let follower: Follower;
  const { url, prefix } = redisFor("follower");
  const act = { actor: "ada", reason: "incident" };
  const deps = () => ({ database: pool, log: silentLog });

  const startFollower = async (): Promise<Follower> => {
    const started = new Follower({
      database: pool,
      backend,
      listener: member.listener,
      flags: member.flags,
      holder: newId(),
      clock: systemClock,
      log: silentLog,
      everyMs: 50,
      checkMs: 200,
    });
    await started.start();
    return started;
  };

  beforeAll(async () => {
    database = await cloneDatabase();
    pool = openPool(database.url, { max: 6, applicationName: "test", log: silentLog });
    backend = await openTestBackend(kind, { postgresUrl: database.url, prefix });
    other = await openTestBackend(kind, { postgresUrl: database.url, prefix });
    member = await startMember(database.url);
    follower = await startFollower();
  });
  afterAll(async () => {
    await follower.stop();
    await member.stop();
    await backend.close();
    await other.close();
    await pool.end();
    await database.drop();
  });

  const queueOf = (bulk: SeededBulk) => other.createQueue(`t-${bulk.tenantId}.${bulk.queueName}`);
  const entryOf = async (bulk: SeededBulk) => {
    const queue = await queueOf(bulk);
    const id = `bulk-${bulk.bulkId}`;
    // The state first: what is read after it is at least as new.
    const state = await queue.getJobState(id);
    const entry = await queue.getJob(id);
    if (entry === undefined) return undefined;
    return { state, progress: entry.progress, returned: entry.returnvalue, data: entry.data };
  };
  /** As a flushed Redis or a dropped table would: everything of the queue is gone, without an event. */
  const loseEntries = async (name: string): Promise<void> => {
    if (kind === "postgres") {
      await pool.query("DELETE FROM bullmq.job WHERE queue = $1", [name]);
      return;
    }
    const redis = new Redis(url);
    await redis.del(...(await redis.keys(`${prefix}:${name}:*`)));
    await redis.quit();
  };
  const finish = (ids: readonly string[]) =>
    pool.query(
      `UPDATE jobs SET state = 'succeeded', finished_at = now(), finish_seq = nextval('job_finish_seq'), cost_nano = 2500000 WHERE id = ANY ($1)`,
      [ids],
    );
  const announce = (bulk: SeededBulk) => pool.query("SELECT pg_notify('sluice_work', $1)", [bulk.queueId]);

  test("an accepted bulk shows its progress and completes with its outcomes", async () => {
    const bulk = await seedBulk(pool, { jobs: 4 });
    const entries = new BulkEntries({ database: pool, backend });
    entries.enqueueBulk(bulk.bulkId, bulk.queueId);
    await entries.settled();
    await announce(bulk);
    await waitFor("the first progress", async () => (await entryOf(bulk))?.state === "active");
    await pool.query("UPDATE jobs SET wait_reason = 'budget' WHERE bulk_id = $1", [bulk.bulkId]);
    await finish(bulk.jobIds.slice(0, 1));
    await waitFor("the progress", async () => {
      const entry = await entryOf(bulk);
      return (
        JSON.stringify(entry?.progress) ===
        JSON.stringify({ done: 1, total: 4, spentUsd: "0.0025", waitReason: "budget" })
      );
    });
    await finish(bulk.jobIds);
    await finishBulks(pool, null);
    const entry = await waitFor("the end", async () => {
      const found = await entryOf(bulk);
      return found?.state === "completed" && found;
    });
    expect(entry).toEqual({
      state: "completed",
      progress: { done: 4, total: 4, spentUsd: "0.01", waitReason: null },
      returned: { jobs: 4, outcomes: { succeeded: 4 }, spentUsd: "0.01" },
      data: { bulkId: bulk.bulkId },
    });
  });

  test("a bulk that is over before anybody looked still gets its entry completed", async () => {
    const bulk = await seedBulk(pool, { jobs: 1 });
    await finish(bulk.jobIds);
    await finishBulks(pool, null);
    const entries = new BulkEntries({ database: pool, backend });
    entries.enqueueBulk(bulk.bulkId, bulk.queueId);
    await announce(bulk);
    await waitFor("the end", async () => (await entryOf(bulk))?.state === "completed");
    expect((await entryOf(bulk))?.progress).toMatchObject({ done: 1, total: 1 });
  });

  test("a bulk the queue never heard of or has lost is added again", async () => {
    const bulk = await seedBulk(pool, { jobs: 2 });
    await waitFor("the entry", async () => (await entryOf(bulk))?.state === "active");
    await loseEntries((await queueOf(bulk)).name);
    await waitFor("the entry again", async () => (await entryOf(bulk)) !== undefined, { timeoutMs: 15_000 });
    await finish(bulk.jobIds);
    await finishBulks(pool, null);
    await waitFor("the end", async () => (await entryOf(bulk))?.state === "completed");
    expect((await entryOf(bulk))?.returned).toMatchObject({ jobs: 2, outcomes: { succeeded: 2 } });
  });

  test("a follower that leaves hands its entries to the next", async () => {
    const bulk = await seedBulk(pool, { jobs: 1 });
    await waitFor("the entry", async () => (await entryOf(bulk))?.state === "active");
    await follower.stop();
    expect(["waiting", "delayed"]).toContain((await entryOf(bulk))?.state);
    follower = await startFollower();
    await waitFor("the entry", async () => (await entryOf(bulk))?.state === "active");
    await finish(bulk.jobIds);
    await finishBulks(pool, null);
    await waitFor("the end", async () => (await entryOf(bulk))?.state === "completed");
  });

  test("a flag pauses its BullMQ queue and lifting it resumes it; pausing all spares the queues of the lanes", async () => {
    const bulk = await seedBulk(pool, { jobs: 1 });
    await waitFor("the entry", async () => (await entryOf(bulk)) !== undefined);
    const queue = await queueOf(bulk);
    const [realtime, batches] = await Promise.all([
      other.createQueue("realtime"),
      other.createQueue("message-batches"),
    ]);
    const states = async () => Promise.all([queue, realtime, batches].map((one) => one.isPaused()));
    // The mirror looks for new queues every few seconds.
    await pauseQueue(deps(), { queueId: bulk.queueId }, act);
    await waitFor("the paused queue", async () => (await queue.isPaused()) && !(await realtime.isPaused()), {
      timeoutMs: 20_000,
    });
    await waitFor("the reason", async () =>
      JSON.stringify((await entryOf(bulk))?.progress).includes('"waitReason":"pause"'),
    );
    await resumeQueue(deps(), { queueId: bulk.queueId }, act);
    await waitFor("the resumed queue", async () => !(await queue.isPaused()), { timeoutMs: 2_000 });
    await pauseAll(deps(), act);
    await waitFor("everything paused", async () => (await states()).join() === "true,false,false", {
      timeoutMs: 2_000,
    });
    await resumeAll(deps(), act);
    await waitFor("everything resumed", async () => (await states()).join() === "false,false,false", {
      timeoutMs: 2_000,
    });
    // Our own pauses and resumes came back as events and changed nothing.
    const { rows } = await pool.query(
      "SELECT count(*)::int AS acts FROM audit_events WHERE actor = 'bullmq'",
    );
    expect(rows).toEqual([{ acts: 0 }]);
  });

  test("somebody who pauses or resumes in another BullMQ client sets or lifts the flag", async () => {
    const bulk = await seedBulk(pool, { jobs: 1 });
    const queue = await queueOf(bulk);
    const flag = () => member.flags.find("pause", "queue", bulk.queueId);
    // Known to the mirror once it obeys a flag.
    await pauseQueue(deps(), { queueId: bulk.queueId }, act);
    await waitFor("the mirror", () => queue.isPaused(), { timeoutMs: 20_000 });
    // An event listener misses what happens in its first moments, so this one is pressed until it is heard.
    const press = async () => queue.resume().then(() => flag() === undefined);
    await waitFor("the lifted flag", press, { everyMs: 300 });
    await queue.pause();
    const set = await waitFor("the flag", flag);
    expect(set).toMatchObject({ setBy: "bullmq", reason: "paused from another BullMQ client" });
    await queue.resume();
    await waitFor("the lifted flag", () => flag() === undefined);
    // The queues of the lanes serve all, so pausing one pauses everything, and it goes on polling.
    const batches = await other.createQueue("message-batches");
    await batches.pause();
    await waitFor("the global flag", () => member.flags.find("pause", "global", "")?.setBy === "bullmq");
    await waitFor("the wake-ups to go on", async () => !(await batches.isPaused()));
    await resumeAll(deps(), act);
    await waitFor("everything resumed", async () => !(await queue.isPaused()));
    // A pause of everything is not lifted by resuming one queue.
    await pauseAll(deps(), act);
    await waitFor("everything paused", () => queue.isPaused());
    await queue.resume();
    await waitFor("the queue paused again", () => queue.isPaused());
    expect(member.flags.find("pause", "global", "")).toBeDefined();
    await resumeAll(deps(), act);
  });

  test("the state a queue is found with is overwritten: an old store does not bring back a lifted pause", async () => {
    const bulk = await seedBulk(pool, { jobs: 1 });
    await follower.stop();
    const queue = await queueOf(bulk);
    await queue.pause();
    follower = await startFollower();
    await waitFor("the resumed queue", async () => !(await queue.isPaused()));
    expect(member.flags.find("pause", "queue", bulk.queueId)).toBeUndefined();
  });
});
