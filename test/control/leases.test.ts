// Leases of singletons and the table of processes.
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { systemClock } from "../../src/config/clock.ts";
import { silentLog } from "../../src/observe/log.ts";
import { acquireLease, LeaseKeeper, releaseLease, renewLease } from "../../src/postgres/leases.ts";
import { Listener } from "../../src/postgres/listener.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { aliveProcesses } from "../../src/postgres/processes.ts";
import { ManualClock } from "../support/clock.ts";
import { startProxy } from "../support/proxy.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";
import { startMember } from "./member.ts";

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 8, applicationName: "test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function startListener(url: string): Promise<Listener> {
  const listener = new Listener(url, {
    applicationName: "test",
    log: silentLog,
    beatMs: 100,
    deadlineMs: 300,
  });
  await listener.start();
  return listener;
}

test("of many that ask at once one gets the lease, and every taking has a higher epoch", async () => {
  const asked = await Promise.all(
    Array.from({ length: 8 }, (_, n) => acquireLease(pool, "race", `holder-${n}`, 60_000)),
  );
  expect(asked.filter((epoch) => epoch !== undefined)).toEqual([1n]);
  const holder = `holder-${asked.indexOf(1n)}`;
  const held = { name: "race", holder, epoch: 1n };
  expect(await renewLease(pool, held, 60_000)).toBe(true);
  await releaseLease(pool, held);
  expect(await acquireLease(pool, "race", "next", 60_000)).toBe(2n);
  // The one before it lands here when it wakes up.
  expect(await renewLease(pool, held, 60_000)).toBe(false);
  await releaseLease(pool, held);
  expect(await acquireLease(pool, "race", "third", 60_000)).toBeUndefined();
});

test("when a holder dies another takes over within one and a quarter leases", async () => {
  const ttlMs = 800;
  const proxy = await startProxy(database.url);
  const [first, second] = await Promise.all([
    startListener(proxy.urlFor(database.url)),
    startListener(database.url),
  ]);
  const options = { name: "takeover", ttlMs, clock: systemClock, log: silentLog };
  let lost = false;
  const holder = new LeaseKeeper({
    ...options,
    listener: first,
    holder: newId(),
    onLost: () => (lost = true),
  });
  const heir = new LeaseKeeper({ ...options, listener: second, holder: newId() });
  await holder.start();
  await heir.start();
  expect([holder.epoch(), heir.epoch()]).toEqual([1n, undefined]);
  await proxy.refuse();
  const diedAt = performance.now();
  let both = false;
  await waitFor(
    "the takeover",
    () => {
      both ||= holder.epoch() !== undefined && heir.epoch() !== undefined;
      return heir.epoch() === 2n;
    },
    { everyMs: 2 },
  );
  expect(performance.now() - diedAt).toBeLessThan(ttlMs * 1.25 + 300);
  expect(both).toBe(false);
  await waitFor("the holder to notice", () => lost);
  await proxy.accept();
  await waitFor("the connection", () => first.connected);
  expect(holder.epoch()).toBeUndefined();
  // A holder that leaves gives it back at once.
  await heir.stop();
  await waitFor("the lease again", () => holder.epoch() === 3n);
  await holder.stop();
  await Promise.all([first.stop(), second.stop(), proxy.close()]);
});

test("a holder that was frozen does not believe in its lease when it wakes up", async () => {
  const clock = new ManualClock();
  const listener = await startListener(database.url);
  const keeper = new LeaseKeeper({
    listener,
    name: "frozen",
    holder: newId(),
    ttlMs: 60_000,
    clock,
    log: silentLog,
  });
  await keeper.start();
  expect(keeper.epoch()).toBe(1n);
  clock.advanceMs(59_500);
  expect(keeper.epoch()).toBeUndefined();
  await keeper.stop();
  await listener.stop();
});

test("processes that are alive count, with their concurrency; those that ended do not", async () => {
  const [one, two] = await Promise.all([startMember(database.url), startMember(database.url)]);
  expect(await aliveProcesses(pool, "worker")).toEqual({ processes: 2, concurrency: 20 });
  expect(await aliveProcesses(pool, "batcher")).toEqual({ processes: 0, concurrency: 0 });
  await one.stop();
  expect(await aliveProcesses(pool, "worker")).toEqual({ processes: 1, concurrency: 10 });
  await pool.query("UPDATE processes SET lease_until = now() - interval '1 s' WHERE id = $1", [two.life.id]);
  expect((await aliveProcesses(pool, "worker")).processes).toBe(0);
  await two.stop();
});

test("a connection whose other end has vanished is noticed and replaced, and hears again", async () => {
  const proxy = await startProxy(database.url);
  const listener = await startListener(proxy.urlFor(database.url));
  const heard: string[] = [];
  listener.on("sluice_work", (payload) => heard.push(payload));
  let reconnected = 0;
  listener.onReconnect(() => (reconnected += 1));
  await pool.query("SELECT pg_notify('sluice_work', 'one')");
  await waitFor("the first notification", () => heard.includes("one"));
  proxy.halfOpen();
  await waitFor("the reconnection", () => reconnected === 1, { timeoutMs: 3_000 });
  await pool.query("SELECT pg_notify('sluice_work', 'two')");
  await waitFor("the second notification", () => heard.includes("two"));
  expect(heard).toEqual(["one", "two"]);
  await listener.stop();
  await proxy.close();
});
