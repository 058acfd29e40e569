import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLog, type Log } from "../../src/observe/log.ts";
import { openPool, withClient, withTransaction, type Pool } from "../../src/postgres/pool.ts";
import { startProxy } from "../support/proxy.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";

let database: TestDatabase;
let pool: Pool;

const open = (url: string, log: Log = silentLog): Pool =>
  openPool(url, { max: 2, applicationName: "pool-test", log });
beforeAll(async () => {
  database = await cloneDatabase();
  pool = open(database.url);
  await pool.query("CREATE TABLE notes (id int PRIMARY KEY)");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

test("money arrives exact, ids of windows too, and a date without a time zone", async () => {
  const { rows } = await pool.query(
    "SELECT 9007199254740993::int8 AS big, ARRAY[1, 9007199254740993]::int8[] AS bigs, '{}'::int8[] AS empty, '2026-03-29'::date AS day, now() AS at",
  );
  expect(rows).toEqual([
    {
      big: 9_007_199_254_740_993n,
      bigs: [1n, 9_007_199_254_740_993n],
      empty: [],
      day: "2026-03-29",
      at: expect.any(Date),
    },
  ]);
});

test("a transaction is kept whole when its work returns, and leaves nothing when it throws", async () => {
  await withTransaction(pool, (client) => client.query("INSERT INTO notes VALUES (1)"));
  const failed = withTransaction(pool, async (client) => {
    await client.query("INSERT INTO notes VALUES (2)");
    throw new Error("changed my mind");
  });
  await expect(failed).rejects.toThrow("changed my mind");
  expect((await pool.query("SELECT id FROM notes")).rows).toEqual([{ id: 1 }]);
  expect(pool.totalCount - pool.idleCount, "every connection was given back").toBe(0);
});

test("a violated constraint keeps its code, for whoever expects it", async () => {
  const twice = withTransaction(pool, (client) => client.query("INSERT INTO notes VALUES (3), (3)"));
  await expect(twice).rejects.toMatchObject({ code: "23505", constraint: "notes_pkey" });
});

test("a server that is not there is database_unavailable, with a time to come back", async () => {
  const nowhere = open("postgres://sluice@127.0.0.1:1/none");
  await expect(withClient(nowhere, (client) => client.query("SELECT 1"))).rejects.toMatchObject({
    code: "database_unavailable",
    retryable: true,
    retryAfterS: 5,
  });
  await nowhere.end();
});

test("a statement that takes too long is database_timeout, and its connection can be used again", async () => {
  const slow = withClient(pool, async (client) => {
    await client.query("SET statement_timeout = 20");
    try {
      await client.query("SELECT pg_sleep(10)");
    } finally {
      await client.query("RESET statement_timeout");
    }
  });
  await expect(slow).rejects.toMatchObject({ code: "database_timeout" });
  expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});

test("a connection that is killed in the middle of a transaction fails its user, not the process", async () => {
  const killed = withTransaction(pool, async (client) => {
    await client.query("INSERT INTO notes VALUES (4)");
    await client.query("SELECT pg_terminate_backend(pg_backend_pid())");
  });
  await expect(killed).rejects.toMatchObject({ code: "database_unavailable" });
  expect((await pool.query("SELECT count(*)::int AS n FROM notes WHERE id = 4")).rows).toEqual([{ n: 0 }]);
});

test("idle connections that are cut are reported once each, and the pool goes on", async () => {
  const reported: string[] = [];
  const log: Log = { event: (name) => reported.push(name), child: () => log };
  const proxy = await startProxy(database.url);
  const through = open(proxy.urlFor(database.url), log);
  try {
    await through.query("SELECT 1");
    proxy.cut();
    await waitFor("the loss to be reported", () => reported.length > 0);
    expect(reported).toEqual(["database.connection_lost"]);
    expect((await through.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  } finally {
    await through.end();
    await proxy.close();
  }
});
