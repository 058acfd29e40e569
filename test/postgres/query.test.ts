import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { limits } from "../../src/config/limits.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool, withClient, withTransaction, type Pool } from "../../src/postgres/pool.ts";
import { query, queryOne, queryStream } from "../../src/postgres/query.ts";
import { startProxy } from "../support/proxy.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

let database: TestDatabase;
let pool: Pool;

const insertTenant = query("tenants/insert");
const findTenant = queryOne("tenants/find");
const streamTenants = queryStream("tenants/list");

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 2, applicationName: "query-test", log: silentLog });
  const names = ["amber", "birch", "cedar", "daisy", "elm"];
  await Promise.all(names.map((name) => insertTenant(pool, [newId(), name])));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

afterEach(() => {
  vi.useRealTimers();
});

test("zero rows changed is an answer", async () => {
  expect(await insertTenant(pool, [newId(), "amber"])).toEqual({ rows: [], rowCount: 0 });
  expect(await insertTenant(pool, [newId(), "fir"])).toEqual({
    rows: [{ created_at: expect.any(Date) }],
    rowCount: 1,
  });
});

test("a statement of one row answers the row or undefined", async () => {
  expect(await findTenant(pool, ["birch"])).toMatchObject({ name: "birch" });
  expect(await findTenant(pool, ["yew"])).toBeUndefined();
});

test("a statement is prepared once per connection, under the name of its file", async () => {
  await withClient(pool, async (client) => {
    await findTenant(client, ["birch"]);
    await findTenant(client, ["cedar"]);
    const { rows } = await client.query(
      "SELECT name FROM pg_prepared_statements WHERE name = 'tenants/find'",
    );
    expect(rows).toEqual([{ name: "tenants/find" }]);
  });
});

test("rows stream a few at a time, and leaving early frees the client for the next statement", async () => {
  await withClient(pool, async (client) => {
    const names: string[] = [];
    for await (const row of streamTenants(client, [null, 100], 2)) {
      names.push(row.name);
      if (names.length === 3) break;
    }
    expect(names).toEqual(["amber", "birch", "cedar"]);
    expect(await findTenant(client, ["daisy"])).toMatchObject({ name: "daisy" });
  });
});

test("a server that goes away in the middle of a stream is database_unavailable", async () => {
  const failed = withClient(pool, async (client) => {
    for await (const row of streamTenants(client, [null, 100], 1)) {
      if (row.name === "amber")
        await pool.query("SELECT pg_terminate_backend($1)", [Reflect.get(client, "processID")]);
    }
  });
  await expect(failed).rejects.toMatchObject({ code: "database_unavailable" });
});

test("a server that dies without a word is database_unavailable in the end, and its connection is thrown away", async () => {
  const proxy = await startProxy(database.url);
  const through = openPool(proxy.urlFor(database.url), {
    max: 1,
    applicationName: "query-test",
    log: silentLog,
  });
  const failed = withTransaction(through, async (client) => {
    await findTenant(client, ["birch"]);
    proxy.halfOpen();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const answer = findTenant(client, ["cedar"]);
    vi.advanceTimersByTime(limits.databaseAnswerTimeoutMs);
    await answer;
  });
  await expect(failed).rejects.toMatchObject({ code: "database_unavailable" });
  vi.useRealTimers();
  expect(through.totalCount).toBe(0);
  await through.end();
  await proxy.close();
});
