// Writes src/postgres/queries.generated.ts: for every file under src/postgres/queries the types of its parameters and rows.
// A column is never null if it comes from a NOT NULL column and the statement has no outer join; the header corrects both ways.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { describeStatement } from "./describe.ts";
import { parseHeader, type Header } from "./header.ts";
import { TypeCatalogue } from "./types.ts";

const queriesDir = join(import.meta.dirname, "../../src/postgres/queries");
export const generatedFile = join(import.meta.dirname, "../../src/postgres/queries.generated.ts");

const preamble = `// oxlint-disable max-lines -- generated: one member per statement
// Written by \`npm run queries\` from the SQL files and a freshly migrated database. Do not edit.
// One member per file of queries/: its parameters in order, a row as it arrives, and how many rows come back.
`;

interface Column {
  readonly name: string;
  readonly type: string;
}

/** The names of all statements, \`family/name\`, sorted. */
export const queryNames = (): string[] =>
  readdirSync(queriesDir, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".sql"))
    .map((file) => file.slice(0, -".sql".length))
    .toSorted();

/** The text of the generated file. @throws Error naming the file that does not fit the schema or its own header */
export async function renderQueries(client: Client): Promise<string> {
  const catalogue = await TypeCatalogue.read(client);
  const members: string[] = [];
  for (const name of queryNames()) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one connection describes one statement at a time
      members.push(await renderQuery(client, catalogue, name));
    } catch (error) {
      throw new Error(`${name}.sql: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
  const body =
    members.length === 0
      ? "export type Queries = Record<never, never>;\n"
      : `export interface Queries {\n${members.join("")}}\n`;
  return `${preamble}${body}`;
}

async function renderQuery(client: Client, catalogue: TypeCatalogue, name: string): Promise<string> {
  const text = readFileSync(join(queriesDir, `${name}.sql`), "utf8");
  const header = parseHeader(`${name}.sql`, text);
  const described =
    header.rows === "copy" ? { parameterTypeIds: [], fields: [] } : await describeStatement(client, text);
  await checkParameterTypes(client, header, described.parameterTypeIds);
  const known = await knownColumns(client, described.fields);
  const outerJoin = /\b(left|right|full)\s+(outer\s+)?join\b/i.test(text);
  const columns = described.fields.map((field): Column => {
    const column = known.get(`${field.tableID}.${field.columnID}`);
    const byTable = column?.notNull === true && !outerJoin && !header.nullable.includes(field.name);
    const type = column?.values ?? catalogue.ofColumn(field.dataTypeID);
    const never = byTable || header.notNull.includes(field.name) || type === "unknown";
    return { name: field.name, type: never ? type : `${type} | null` };
  });
  checkColumns(header, columns);
  const params = header.parameters.map(({ name: label, nullable }, at) => {
    const type = catalogue.ofParameter(described.parameterTypeIds[at] ?? 0);
    return `${camelCase(label)}: ${nullable ? `${type} | null` : type}`;
  });
  return [
    `  /** ${header.summary.replaceAll("*/", "*")} */`,
    `  "${name}": {`,
    ...block("params: [", params, ", ", "];"),
    ...(columns.length === 0
      ? ["    row: never;"]
      : block(
          "row: { ",
          columns.map((column) => `${column.name}: ${column.type}`),
          "; ",
          " };",
        )),
    `    rows: "${header.rows}";`,
    "  };\n",
  ].join("\n");
}

/** On one line if it fits, else a line each. */
function block(open: string, items: readonly string[], separator: string, close: string): string[] {
  const line = `    ${open}${items.join(separator)}${close}`;
  if (line.length <= 110) return [line];
  return [
    `    ${open.trimEnd()}`,
    ...items.map((item) => `      ${item}${separator.trimEnd()}`),
    `    ${close.trimStart()}`,
  ];
}

async function checkParameterTypes(
  client: Client,
  header: Header,
  typeIds: readonly number[],
): Promise<void> {
  if (header.rows === "copy") return;
  const { rows } = await client.query<{ at: number; said: string; found: string }>(
    `SELECT n::int AS at, said, format_type(found, NULL) AS found
       FROM unnest($1::text[], $2::oid[]) WITH ORDINALITY AS u(said, found, n) WHERE said::regtype <> found ORDER BY n`,
    [header.parameters.map(({ type }) => type), typeIds],
  );
  const wrong = rows[0];
  if (wrong) throw new Error(`the header calls $${wrong.at} ${wrong.said}, PostgreSQL takes ${wrong.found}`);
}

function checkColumns(header: Header, columns: readonly Column[]): void {
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new Error(`two columns are called ${twice}`);
  const stray = [...header.notNull, ...header.nullable].find((name) => !names.includes(name));
  if (stray !== undefined) throw new Error(`the header names the column ${stray}, which is not returned`);
  if (header.rows === "none" && columns.length > 0)
    throw new Error('the header says "rows: none", but rows come back');
  if (["one", "many"].includes(header.rows) && columns.length === 0)
    throw new Error("the header promises rows, but none come back");
}

interface TableColumn {
  readonly notNull: boolean;
  /** A union of the texts that the column's CHECK (… IN (…)) allows. */
  readonly values?: string;
}

async function knownColumns(
  client: Client,
  fields: readonly { tableID: number }[],
): Promise<Map<string, TableColumn>> {
  const { rows } = await client.query<{ id: string; not_null: boolean; definition: string | null }>(
    `SELECT a.attrelid || '.' || a.attnum AS id, a.attnotnull AS not_null,
            (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
              WHERE c.conrelid = a.attrelid AND c.contype = 'c' AND c.conkey = ARRAY[a.attnum]
                AND pg_get_constraintdef(c.oid) LIKE 'CHECK ((% = ANY (ARRAY[%::text])))' LIMIT 1) AS definition
       FROM pg_attribute a WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0`,
    [[...new Set(fields.map(({ tableID }) => tableID))]],
  );
  return new Map(
    rows.map(({ id, not_null: notNull, definition }) => [id, { notNull, ...valuesOf(definition) }]),
  );
}

function valuesOf(definition: string | null): { values?: string } {
  const values = definition?.match(/^CHECK \(\(\w+ = ANY \(ARRAY\[((?:'[^']*'::text(?:, )?)+)\]\)\)\)$/)?.[1];
  if (values === undefined) return {};
  return {
    values: values
      .split(", ")
      .map((value) => `"${value.slice(1, -"'::text".length)}"`)
      .join(" | "),
  };
}

const camelCase = (name: string): string =>
  name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
