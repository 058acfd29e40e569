// The gate, across processes and through the loss of the database.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/config/clock.ts";
import { newId } from "../../src/config/ids.ts";
import { Flags } from "../../src/control/flags.ts";
import { silentLog } from "../../src/observe/log.ts";
import { liftPause, setPause } from "../../src/postgres/flags.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { startProxy } from "../support/proxy.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";
import { startMember, type Member } from "./member.ts";

let database: TestDatabase;
let pool: Pool;
const members: Member[] = [];
const work = { tenantId: "t", queueId: "q", jobType: "type", model: "model", bulkId: "b" };

async function member(...args: Parameters<typeof startMember>): Promise<Member> {
  const started = await startMember(...args);
  members.push(started);
  return started;
}

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 4, applicationName: "test", log: silentLog });
});
afterEach(async () => {
  await Promise.all(members.splice(0).map((one) => one.stop()));
  await pool.query("UPDATE flags SET lifted_at = now(), lifted_by = 'test' WHERE lifted_at IS NULL");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const pause = (scope: "global" | "queue", target: string) =>
  setPause(pool, { id: newId(), tenantId: "installation", scope, target, reason: "incident", actor: "ada" });

test("a pause set by another process closes the gate within milliseconds, lifting it opens it again", async () => {
  // The permission is as long as it may be: only the notification can be that fast.
  const one = await member(database.url, { permissionMs: 3_000, leaseMs: 10_000 });
  expect(one.flags.gate(work)).toEqual({ open: true });
  const changes: number[] = [];
  one.flags.onChange(() => changes.push(performance.now()));
  const setAt = performance.now();
  const flag = await pause("queue", "q");
  await waitFor("the closed gate", () => !one.flags.gate(work).open, { timeoutMs: 2_000, everyMs: 1 });
  expect(performance.now() - setAt).toBeLessThan(500);
  expect(one.flags.gate(work)).toEqual({ open: false, why: "pause", flagId: flag?.id, reason: "incident" });
  expect(one.flags.gate({ ...work, queueId: "other" })).toEqual({ open: true });
  expect(changes).toHaveLength(1);
  await liftPause(pool, { scope: "queue", target: "q", actor: "ada", reason: null });
  await waitFor("the open gate", () => one.flags.gate(work).open, { timeoutMs: 2_000, everyMs: 1 });
});

test("a stop outranks a pause, and the widest is named", async () => {
  await pause("queue", "q");
  await pool.query(
    `INSERT INTO flags (id, tenant_id, kind, scope, target, mode, reason, set_by)
     VALUES ('s1', 'installation', 'stop', 'model', 'model', 'drain', 'drill', 'ada'),
            ('s2', 'installation', 'stop', 'tenant', 't', 'drain', 'drill', 'ada')`,
  );
  const one = await member(database.url);
  expect(one.flags.gate(work)).toMatchObject({ open: false, why: "stop", flagId: "s2" });
  expect(one.flags.gate({ ...work, tenantId: "u" })).toMatchObject({ why: "stop", flagId: "s1" });
  expect(one.flags.gate({ ...work, tenantId: "u", model: "m" })).toMatchObject({ why: "pause" });
});

test("a process writes down the version of the flags it obeys", async () => {
  const one = await member(database.url);
  await pause("global", "");
  await waitFor("the acknowledgement", async () => {
    const { rows } = await pool.query(
      "SELECT p.flag_version = v.version AS same FROM processes p, flag_version v WHERE p.id = $1",
      [one.life.id],
    );
    return rows[0].same;
  });
  expect(one.flags.gate(work)).toMatchObject({ why: "pause", reason: "incident" });
});

test.each(["refuse", "halfOpen", "pause"] as const)(
  "without the database nothing starts, and everything goes on when it is back (%s)",
  async (fault) => {
    const proxy = await startProxy(database.url);
    const one = await member(proxy.urlFor(database.url), { permissionMs: 800 });
    expect(one.flags.gate(work)).toEqual({ open: true });
    const hurtAt = performance.now();
    await proxy[fault]();
    if (fault === "halfOpen") await proxy.refuse();
    await waitFor("the end of the permission", () => !one.flags.permitted, { everyMs: 5 });
    // It may have been renewed at the latest when the fault began.
    expect(performance.now() - hurtAt).toBeLessThan(1_500);
    expect(one.flags.gate(work)).toMatchObject({ open: false, why: "no_permission" });
    // A pause set meanwhile is known before the first call is allowed.
    await pause("global", "");
    let startedUnderPause = false;
    one.flags.onChange(() => (startedUnderPause ||= one.flags.gate(work).open));
    await (fault === "pause" ? proxy.resume() : proxy.accept());
    await waitFor("the permission", () => one.flags.permitted);
    expect(one.flags.gate(work)).toMatchObject({ why: "pause" });
    expect(startedUnderPause).toBe(false);
    await one.stop();
    members.splice(0);
    await proxy.close();
  },
);

test("a process that was declared dead is not permitted until it has registered anew", async () => {
  // The next beat, which finds it out, is a second away.
  const one = await member(database.url, { leaseMs: 4_000 });
  const oldId = one.life.id;
  const told: string[][] = [];
  one.life.onReaped((...ids) => told.push(ids));
  await pool.query("UPDATE processes SET reaped_at = now() WHERE id = $1", [oldId]);
  await one.flags.refresh();
  expect(one.flags.gate(work)).toMatchObject({ why: "no_permission" });
  await waitFor("the new registration", () => one.life.id !== oldId);
  expect(told).toEqual([[oldId, one.life.id]]);
  await waitFor("the permission", () => one.flags.permitted);
  const { rows } = await pool.query(
    "SELECT id, reaped_at IS NULL AS alive FROM processes WHERE id = ANY ($1)",
    [[oldId, one.life.id]],
  );
  expect(rows).toHaveLength(2);
  expect(rows.find((row) => row.id === oldId).alive).toBe(false);
});

test("the notice of a stop shuts the gate before anything is read, and a reading that began before it opens nothing", async () => {
  const one = await member(database.url, { leaseMs: 20_000 });
  let held: Promise<void> = Promise.resolve();
  let release = (): void => undefined;
  let answered = 0;
  const flags = new Flags({
    listener: {
      on: (...args) => one.listener.on(...args),
      onReconnect: (fn) => one.listener.onReconnect(fn),
      // Answers come as late as the test wants.
      run: async (run) => {
        const answer = await one.listener.run(run);
        answered += 1;
        await held;
        return answer;
      },
    },
    process: one.life,
    clock: systemClock,
    permissionMs: 3_000,
    rampMs: 10_000,
    log: silentLog,
  });
  await flags.start();
  expect(flags.gate(work)).toEqual({ open: true });
  const seen: boolean[] = [];
  flags.onChange(() => seen.push(flags.aborting(work) !== undefined));
  held = new Promise((resolve) => (release = resolve));
  const before = answered;
  const early = flags.refresh();
  await waitFor("the early reading's answer", () => answered > before);
  const { rows } = await pool.query<{ id: string }>("SELECT sluice_stop('fire') AS id");
  await waitFor("the shut gate", () => !flags.gate(work).open, { timeoutMs: 2_000, everyMs: 1 });
  expect(flags.gate(work)).toMatchObject({ why: "stop", flagId: rows[0]?.id, reason: "fire" });
  expect(answered).toBe(before + 1);
  release();
  await early;
  expect(seen).not.toContain(false);
  expect(flags.open.map(({ id }) => id)).toEqual([rows[0]?.id]);
  await pool.query("UPDATE flags SET lifted_at = now(), lifted_by = 'test' WHERE lifted_at IS NULL");
  await waitFor("the open gate", () => flags.gate(work).open);
  flags.stop();
});
