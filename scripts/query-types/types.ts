// How PostgreSQL's types arrive in TypeScript through the parsers of src/postgres/pool.ts, and which values go back.
import type { Client } from "pg";

interface TypeRow {
  readonly oid: number;
  readonly name: string;
  /** b base, d domain, e enum. */
  readonly kind: string;
  readonly base: number;
  readonly element: number;
}

const scalars: Readonly<Record<string, string>> = {
  bool: "boolean",
  int2: "number",
  int4: "number",
  int8: "bigint",
  oid: "number",
  float4: "number",
  float8: "number",
  numeric: "string",
  text: "string",
  varchar: "string",
  bpchar: "string",
  name: "string",
  uuid: "string",
  date: "string",
  timestamptz: "Date",
  json: "unknown",
  jsonb: "unknown",
  bytea: "Buffer",
};

/** The types of one database, looked up by oid. */
export class TypeCatalogue {
  readonly #rows: ReadonlyMap<number, TypeRow>;

  constructor(rows: readonly TypeRow[]) {
    this.#rows = new Map(rows.map((row) => [row.oid, row]));
  }

  static async read(client: Client): Promise<TypeCatalogue> {
    const { rows } = await client.query<TypeRow>(
      "SELECT oid::int, typname AS name, typtype AS kind, typbasetype::int AS base, typelem::int AS element FROM pg_type",
    );
    return new TypeCatalogue(rows);
  }

  /** A column of this type, without its null. */
  ofColumn(oid: number): string {
    const { name, element } = this.#resolve(oid);
    return name.startsWith("_") ? `${this.#scalar(element)}[]` : this.#scalar(oid);
  }

  /** A parameter of this type. JSON goes in as its text: pg would make an array of PostgreSQL out of a JSON array. */
  ofParameter(oid: number): string {
    const { name, element } = this.#resolve(oid);
    const scalar = (type: number): string =>
      this.#scalar(type) === "unknown" ? "string" : this.#scalar(type);
    return name.startsWith("_") ? `readonly (${scalar(element)} | null)[]` : scalar(oid);
  }

  #scalar(oid: number): string {
    const { name, kind } = this.#resolve(oid);
    const type = kind === "e" || name === "void" ? "string" : scalars[name];
    if (type === undefined)
      throw new Error(`no TypeScript type for PostgreSQL's ${name}: cast it in the statement`);
    return type;
  }

  #resolve(oid: number): TypeRow {
    const row = this.#rows.get(oid);
    if (row === undefined) throw new Error(`unknown type ${oid}`);
    return row.kind === "d" ? this.#resolve(row.base) : row;
  }
}
