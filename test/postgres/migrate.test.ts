import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../src/observe/log.ts";
import { migrate, migrationState } from "../../src/postgres/migrate.ts";
import { openPool, type Pool } from "../../src/postgres/pool.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

let database: TestDatabase;
let pool: Pool;
let dir: string;

// The clone is migrated already; these tests bring migrations of their own and begin from nothing.
beforeEach(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 4, applicationName: "migrate-test", log: silentLog });
  await pool.query("DROP SCHEMA public CASCADE");
  await pool.query("CREATE SCHEMA public");
  dir = mkdtempSync(join(tmpdir(), "sluice-migrations-"));
  writeFileSync(join(dir, "0001_first.sql"), "CREATE TABLE first (id int);");
});
afterEach(async () => {
  await pool.end();
  await database.drop();
  rmSync(dir, { recursive: true });
});

test("files are applied once, in order, and the state tells what is left", async () => {
  writeFileSync(join(dir, "0002_second.sql"), "ALTER TABLE first ADD COLUMN name text;");
  expect(await migrationState(pool, dir)).toEqual({
    applied: [],
    pending: ["0001_first.sql", "0002_second.sql"],
  });
  expect(await migrate(pool, silentLog, dir)).toEqual(["0001_first.sql", "0002_second.sql"]);
  expect(await migrate(pool, silentLog, dir)).toEqual([]);
  expect(await migrationState(pool, dir)).toEqual({ applied: [1, 2], pending: [] });
});

test("many processes at once apply each file once", async () => {
  const done = await Promise.all(Array.from({ length: 4 }, () => migrate(pool, silentLog, dir)));
  expect(done.flat()).toEqual(["0001_first.sql"]);
});

test("a file that fails leaves nothing of itself and keeps what came before", async () => {
  writeFileSync(join(dir, "0002_second.sql"), "CREATE TABLE second (id int); SELECT 1 / 0;");
  await expect(migrate(pool, silentLog, dir)).rejects.toMatchObject({ code: "22012" });
  expect(await migrationState(pool, dir)).toEqual({ applied: [1], pending: ["0002_second.sql"] });
  expect((await pool.query("SELECT to_regclass('second') AS t")).rows).toEqual([{ t: null }]);
});

test("an edited file is refused by name", async () => {
  await migrate(pool, silentLog, dir);
  writeFileSync(join(dir, "0001_first.sql"), "CREATE TABLE first (id bigint);");
  await expect(migrate(pool, silentLog, dir)).rejects.toMatchObject({
    code: "migration_changed",
    detail: "0001_first.sql differs from what was applied.",
  });
});

test("a database that is newer than the code is refused", async () => {
  writeFileSync(join(dir, "0002_second.sql"), "CREATE TABLE second (id int);");
  await migrate(pool, silentLog, dir);
  rmSync(join(dir, "0002_second.sql"));
  await expect(migrate(pool, silentLog, dir)).rejects.toMatchObject({ code: "migration_missing" });
});

test("a gap in the numbers is no obstacle, and the file that closes it later is applied later", async () => {
  writeFileSync(join(dir, "0003_third.sql"), "CREATE TABLE third (id int);");
  expect(await migrate(pool, silentLog, dir)).toEqual(["0001_first.sql", "0003_third.sql"]);
  writeFileSync(join(dir, "0002_second.sql"), "CREATE TABLE second (id int);");
  expect(await migrate(pool, silentLog, dir)).toEqual(["0002_second.sql"]);
  expect(await migrationState(pool, dir)).toEqual({ applied: [1, 2, 3], pending: [] });
});

test.each(["0001_twice.sql", "second.sql"])(
  "a file without a number of its own is refused before anything is applied: %s",
  async (name) => {
    writeFileSync(join(dir, name), "CREATE TABLE second (id int);");
    await expect(migrate(pool, silentLog, dir)).rejects.toMatchObject({ code: "migration_missing" });
    expect((await pool.query("SELECT to_regclass('first') AS t")).rows).toEqual([{ t: null }]);
  },
);
