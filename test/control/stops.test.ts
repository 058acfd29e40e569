// Stops as rows: set, made harder, lifted; who is confirmed and who is not; which work each scope covers.
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { receiptDocument } from "../../src/control/stop-document.ts";
import { readReceipt } from "../../src/control/stop-receipt.ts";
import { advanceStop, lift, requireStop, stop, stopEverything } from "../../src/control/stops.ts";
import type { FlagScope } from "../../src/domain/flag.ts";
import { isId } from "../../src/domain/ids.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool, withTransaction, type Pool } from "../../src/postgres/pool.ts";
import { queryOne } from "../../src/postgres/query.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";
import { startMember, type Member } from "./member.ts";
import { seedBulk, seedQueue, type SeededBulk } from "./seed.ts";

let database: TestDatabase;
let pool: Pool;
const members: Member[] = [];
const work = {
  tenantId: "t",
  queueId: "q",
  jobType: "type",
  model: "claude-haiku-4-5-20251001",
  bulkId: "b",
};
const act = { tenantId: "installation", actor: "person:ada", reason: "incident" };
const deps = () => ({ database: pool, log: silentLog });

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 4, applicationName: "test", log: silentLog });
});
afterEach(async () => {
  await Promise.all(members.splice(0).map((one) => one.stop()));
  await pool.query("UPDATE flags SET lifted_at = now(), lifted_by = 'test' WHERE lifted_at IS NULL");
  await pool.query("DELETE FROM processes");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function member(): Promise<Member> {
  const one = await startMember(database.url);
  members.push(one);
  return one;
}

const stateOf = async (id: string) => readReceipt(pool, await requireStop(deps(), id, null));

test("a stop is complete when every process has acknowledged it, and its audit event says who and why", async () => {
  const one = await member();
  const set = await stopEverything(deps(), "abort", act);
  await waitFor("the stop to be complete", async () => {
    await stop(deps(), { scope: "global", target: "", mode: "drain" }, act);
    return (await stateOf(set.id)).state === "complete";
  });
  expect(one.flags.gate(work)).toMatchObject({ open: false, why: "stop", flagId: set.id });
  const { processes, unconfirmed } = await stateOf(set.id);
  expect(processes).toMatchObject([{ id: one.life.id, state: "acknowledged" }]);
  expect(unconfirmed).toBe(0);
  const { rows } = await pool.query(
    "SELECT actor, act, detail FROM audit_events WHERE detail->>'flag' = $1",
    [set.id],
  );
  expect(rows).toEqual([
    { actor: "person:ada", act: "stop.set", detail: { flag: set.id, mode: "abort", reason: "incident" } },
  ]);
});

test("setting it again answers the same stop; a harder one makes it harder, and is to be acknowledged anew", async () => {
  const drain = await stopEverything(deps(), "drain", act);
  expect(drain.completed_at).not.toBeNull();
  const one = await member();
  const harder = await stopEverything(deps(), "abort_and_cancel", { ...act, actor: "person:bob" });
  expect(harder).toMatchObject({ id: drain.id, mode: "abort_and_cancel", set_by: "person:ada" });
  expect(harder.flag_version).toBeGreaterThan(drain.flag_version);
  await waitFor("the harder stop to be known", () => one.flags.aborting(work) !== undefined);
  const softer = await stopEverything(deps(), "drain", act);
  expect(softer).toMatchObject({ id: drain.id, mode: "abort_and_cancel", flag_version: harder.flag_version });
  const { rows } = await pool.query(
    "SELECT act FROM audit_events WHERE detail->>'flag' = $1 ORDER BY audit_events.id",
    [drain.id],
  );
  expect(rows.map(({ act: what }) => what)).toEqual(["stop.set", "stop.hardened"]);
});

test("what a tenant has stopped becomes the installation's when that stops it, too", async () => {
  await pool.query("INSERT INTO tenants (id, name) VALUES ('t1', 'acme') ON CONFLICT DO NOTHING");
  const wish = { scope: "tenant", target: "t1", mode: "drain" } as const;
  const own = await stop(deps(), wish, { ...act, tenantId: "t1" });
  expect(own.tenant_id).toBe("t1");
  expect(await stop(deps(), wish, act)).toMatchObject({ id: own.id, tenant_id: "installation" });
  const by = { actor: "person:eve", reason: "mine", tenantId: "t1" };
  await expect(lift(deps(), own.id, by)).rejects.toMatchObject({ code: "not_found" });
  expect(await lift(deps(), own.id, { ...by, tenantId: null })).toMatchObject({ lifted_by: "person:eve" });
});

test.each<[FlagScope, string]>([
  ["global", ""],
  ["tenant", "t"],
  ["queue", "q"],
  ["job_type", "type"],
  ["model", "claude-haiku-4-5"],
  ["bulk", "b"],
])(
  "a stop of a %s covers its work and no other, in the gate and in the database alike",
  async (scope, target) => {
    const one = await member();
    const set = await stop(deps(), { scope, target, mode: "abort" }, act);
    await waitFor("the shut gate", () => !one.flags.gate(work).open);
    expect(one.flags.aborting(work)?.id).toBe(set.id);
    const other = { tenantId: "x", queueId: "x", jobType: "x", model: "claude-opus-5", bulkId: "x" };
    expect(one.flags.gate(other).open).toBe(scope !== "global");
    const covered = async ({ tenantId, queueId, jobType, model, bulkId }: typeof work) => {
      const names = [tenantId, queueId, jobType, model, bulkId];
      const { rows } = await pool.query("SELECT in_scope($1, $2, $3, $4, $5, $6, $7) AS covered", [
        scope,
        target,
        ...names,
      ]);
      return rows[0]?.covered;
    };
    expect(await covered(work)).toBe(true);
    expect(await covered(other)).toBe(scope === "global");
  },
);

test("a wider draining stop does not keep a narrower one from aborting", async () => {
  const one = await member();
  await stopEverything(deps(), "drain", act);
  const narrower = await stop(deps(), { scope: "bulk", target: "b", mode: "abort" }, act);
  await waitFor("the narrower stop", () => one.flags.aborting(work)?.id === narrower.id);
  expect(one.flags.aborting({ ...work, bulkId: "c" })).toBeUndefined();
});

test("a process is confirmed dead only when its lease has ended and its session with the database is gone", async () => {
  const insert = async (leaseMs: number, session: string) => {
    const id = newId();
    await pool.query(
      `INSERT INTO processes (id, host, pid, roles, lease_until, session_pid, session_started_at)
       SELECT $1, 'elsewhere', 1, '{worker}', now() + $2 * interval '1 ms', s.pid, s.started
         FROM (SELECT pg_backend_pid() AS pid, own_session_start() AS started UNION ALL SELECT 1, now()) s
        WHERE (s.pid = 1) = ($3 = 'gone')`,
      [id, leaseMs, session],
    );
    return id;
  };
  const held = new pg.Client({ connectionString: database.url });
  await held.connect();
  try {
    const rows = await Promise.all([insert(60_000, "gone"), insert(-1, "gone")]);
    const frozenId = newId();
    await held.query(
      `INSERT INTO processes (id, host, pid, roles, lease_until, session_pid, session_started_at, reaped_at)
       VALUES ($1, 'elsewhere', 1, '{worker}', now() - interval '1 minute', pg_backend_pid(), own_session_start(), now())`,
      [frozenId],
    );
    const set = await stopEverything(deps(), "drain", act);
    const read = async () => {
      const { processes } = await stateOf(set.id);
      return new Map(processes.map(({ id, state }) => [id, state]));
    };
    const first = await read();
    // Cut off, but within its lease; dead; declared dead, and its session is still there.
    expect(first.get(rows[0])).toBe("unconfirmed");
    expect(first.get(frozenId)).toBe("unconfirmed");
    expect(set.completed_at).toBeNull();
    await pool.query("UPDATE processes SET lease_until = now() WHERE id = $1", [rows[0]]);
    await held.end();
    await waitFor("the frozen one's session to be gone", async () => {
      const { completed_at: at } = await stopEverything(deps(), "drain", act);
      return at !== null;
    });
  } finally {
    await held.end();
  }
});

test("one line of SQL stops everything", async () => {
  const one = await member();
  const { rows } = await pool.query<{ id: string }>("SELECT sluice_stop('the house is on fire') AS id");
  const id = rows[0]?.id ?? "";
  expect(isId(id)).toBe(true);
  await waitFor("the shut gate", () => !one.flags.gate(work).open);
  expect(one.flags.gate(work)).toMatchObject({ why: "stop", flagId: id, reason: "the house is on fire" });
  expect(await requireStop(deps(), id, null)).toMatchObject({
    mode: "abort_and_cancel",
    set_by: expect.stringMatching(/^sql:/),
  });
  const again = await pool.query<{ id: string }>("SELECT sluice_stop('again') AS id");
  expect(again.rows[0]?.id).toBe(id);
});

test("whoever stops everything while a restore waits for its recovery has a stop of their own: the recovery does not lift it", async () => {
  await pool.query(
    `INSERT INTO flags (id, tenant_id, kind, scope, target, mode, reason, set_by)
     VALUES ($1, 'installation', 'stop', 'global', '', 'abort', 'restored', 'restore')`,
    [newId()],
  );
  const theirs = await stopEverything(deps(), "abort", act);
  expect(theirs).toMatchObject({ set_by: "person:ada", reason: "incident" });
  await withTransaction(pool, (client) => queryOne("recover/lift-stop")(client, ["operator:root"]));
  expect((await requireStop(deps(), theirs.id, null)).lifted_at).toBeNull();
});

test("a batch whose cancellation somebody else had asked for keeps a stop open until the provider knows it", async () => {
  const bulk = await seedBulk(pool, { jobs: 1, lane: "batch" });
  const [jobId = ""] = bulk.jobIds;
  await seedSentBatch(bulk, [jobId]);
  const set = await stopEverything(deps(), "abort_and_cancel", act);
  expect((await stateOf(set.id)).state).toBe("stopping");
  await pool.query("UPDATE message_batches SET cancel_sent_at = now() WHERE queue_id = $1", [bulk.queueId]);
  await advanceStop(deps(), set.id);
  expect((await stateOf(set.id)).state).toBe("complete");
});

test("a receipt counts the lines in its scope: what others have in the same batch of a shared queue is not shown", async () => {
  const queue = await seedQueue(pool);
  const mine = await seedBulk(pool, { jobs: 2, lane: "batch", queueId: queue.id });
  const theirs = await seedBulk(pool, { jobs: 3, lane: "batch", queueId: queue.id });
  await seedSentBatch({ ...mine, tenantId: "installation" }, [...mine.jobIds, ...theirs.jobIds]);
  const own = await stop(
    deps(),
    { scope: "tenant", target: mine.tenantId, mode: "abort_and_cancel" },
    { ...act, tenantId: mine.tenantId },
  );
  const [batch] = receiptDocument(await stateOf(own.id), { whole: false }).batches.list;
  expect(batch).toMatchObject({ standing: "to_cancel", lines: 2, may_still_cost_usd: "0.00000002" });
  const all = await stop(deps(), { scope: "queue", target: queue.id, mode: "drain" }, act);
  expect((await stateOf(all.id)).batches).toMatchObject([{ lines: 5 }]);
  await pool.query("UPDATE message_batches SET cancel_sent_at = now() WHERE queue_id = $1", [queue.id]);
});

/** A batch at the provider that is to be canceled already, and the provider has not been asked. */
async function seedSentBatch(bulk: SeededBulk, jobIds: readonly string[]): Promise<void> {
  const [id, holdId] = [newId(), newId()];
  await pool.query(
    `INSERT INTO holds (id, tenant_id, owner_kind, owner_id, reason, amount_nano, remaining_nano) VALUES ($1, $2, 'message_batch', $3, 'test', 10, 10)`,
    [holdId, bulk.tenantId, id],
  );
  await pool.query(
    `INSERT INTO message_batches (id, tenant_id, queue_id, credential_id, state, line_count, body_bytes, hold_id, provider_id, cancel_requested_at)
     VALUES ($1, $2, $3, 'default', 'created', $5, 100, $4, $1, now())`,
    [id, bulk.tenantId, bulk.queueId, holdId, jobIds.length],
  );
  await pool.query(
    `INSERT INTO attempts (job_id, no, tenant_id, bulk_id, lane, credential_id, message_batch_id, hold_id, job_type, prompt_version, model,
       request_sha256, request_bytes, worst_nano, price_id, price_at, queued_at)
     SELECT id, 1, tenant_id, bulk_id, 'batch', 'default', $2, $3, job_type, prompt_version, model, request_sha256, request_bytes, 10, 'p', now(), now()
       FROM jobs WHERE id = ANY ($1)`,
    [jobIds, id, holdId],
  );
}
