// Every statement fits the schema of today, its types are those the code was compiled with, and somebody runs it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseHeader } from "../../scripts/query-types/header.ts";
import { generatedFile, queryNames, renderQueries } from "../../scripts/query-types/render.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openPool, withClient, type Pool } from "../../src/postgres/pool.ts";
import { cloneDatabase, type TestDatabase } from "../support/stores.ts";

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await cloneDatabase();
  pool = openPool(database.url, { max: 1, applicationName: "queries-test", log: silentLog });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

test("every statement is understood by the database, and queries.generated.ts is what it says (npm run queries)", async () => {
  // Whole texts are compared as a flag, because a failing diff of them would hide which command mends it.
  const isCurrent = (await withClient(pool, renderQueries)) === readFileSync(generatedFile, "utf8");
  expect(isCurrent, "run npm run queries").toBe(true);
});

test("every statement has exactly one caller", () => {
  const root = join(import.meta.dirname, "../../src");
  const source = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".generated.ts"))
    .map((file) => readFileSync(join(root, file), "utf8"))
    .join("\n");
  const calls = (name: string): number =>
    source.match(new RegExp(`\\bquery(?:One|Stream|Text)?\\(\\s*"${name}"`, "g"))?.length ?? 0;
  expect(
    queryNames().filter((name) => calls(name) === 0),
    "nobody runs these",
  ).toEqual([]);
  expect(
    queryNames().filter((name) => calls(name) > 1),
    "two modules run these",
  ).toEqual([]);
});

const header = (lines: string): string =>
  `-- Finds a thing. And more.\n${lines}\n-- locks: none\n-- index: things_pkey\nSELECT $1, $2`;

test("a header names its parameters in order, also several on a line and with remarks", () => {
  const parsed = parseHeader(
    "x.sql",
    header("-- $1  id text[] (each an id)  $2 before timestamptz | null\n-- rows: 0 or 1\n-- not null: a, b"),
  );
  expect(parsed).toEqual({
    summary: "Finds a thing.",
    parameters: [
      { name: "id", type: "text[]", nullable: false },
      { name: "before", type: "timestamptz", nullable: true },
    ],
    rows: "one",
    notNull: ["a", "b"],
    nullable: [],
  });
});

test.each([
  ["none", "none"],
  ["1; says whether it is new", "one"],
  ["0 (no such key here) or 1", "one"],
  ["1 if claimed, 0 if not", "one"],
  ["0..$3", "many"],
  ["one per queue", "many"],
  ["0..n, the oldest first", "many"],
  ["copy", "copy"],
])('"rows: %s" means %s', (said, rows) => {
  expect(parseHeader("x.sql", header(`-- $1 a text  $2 b text\n-- rows: ${said}`)).rows).toBe(rows);
});

test.each([
  ["a missing parameter", "-- $1 a text\n-- rows: none"],
  ["a wrong order", "-- $2 a text  $1 b text\n-- rows: none"],
  ["missing rows", "-- $1 a text  $2 b text"],
])("a header with %s is refused, naming the file", (_, lines) => {
  expect(() => parseHeader("x.sql", header(lines))).toThrow(/^x\.sql: the header/);
});
