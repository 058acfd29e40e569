// Reads the header of an SQL file. It is for people first; what the generator takes from it is little:
//   -- $1 tenant_id text  $2 deadline timestamptz | null      parameters in order, one or several a line
//   -- rows: none, 1, 0 or 1, or any other words               what comes back; other words mean any number
//   -- not null: total, moved                                 computed columns that are never null
//   -- nullable: queue_id                                     table columns that may be null here (an outer join)
//   -- locks: …  and  -- index: …                             required, for the reader

export interface Parameter {
  readonly name: string;
  /** Type as PostgreSQL spells it in casts: `text[]`, `timestamptz`. */
  readonly type: string;
  readonly nullable: boolean;
}

export interface Header {
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  readonly rows: "none" | "one" | "many" | "copy";
  readonly notNull: readonly string[];
  readonly nullable: readonly string[];
}

const parameterPattern = /\$(\d+)\s+([a-z_][a-z0-9_]*)\s+([a-z][a-z0-9_]*(?:\[\])?)(\s*\| null\b)?/g;

/** Parses and checks a header. @throws Error naming the file and what its header lacks */
export function parseHeader(file: string, text: string): Header {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("--"));
  const comments = lines.slice(0, end).map((line) => line.slice(2).trim());
  const field = (name: string): string | undefined =>
    comments
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  for (const name of ["rows", "locks", "index"]) {
    if (field(name) === undefined) throw new Error(`${file}: the header has no line "-- ${name}: …"`);
  }
  return {
    summary: summaryOf(comments),
    parameters: parametersOf(file, comments, text),
    rows: rowsOf(field("rows") ?? ""),
    notNull: namesOf(field("not null")),
    nullable: namesOf(field("nullable")),
  };
}

/** The first sentence. */
function summaryOf(comments: readonly string[]): string {
  const end = comments.findIndex((line) => line === "" || line.startsWith("$") || line.startsWith("rows:"));
  const words = comments.slice(0, end === -1 ? undefined : end).join(" ");
  return /^.*?[.](?=\s|$)/.exec(words)?.[0] ?? words;
}

function parametersOf(file: string, comments: readonly string[], text: string): Parameter[] {
  const found = comments
    .filter((line) => line.startsWith("$"))
    .flatMap((line) => Array.from(line.matchAll(parameterPattern)))
    .map(([, index, name = "", type = "", nullable]) => ({
      index: Number(index),
      name,
      type,
      nullable: nullable !== undefined,
    }));
  const body = text.replaceAll(/^--.*$/gm, "");
  const used = Math.max(0, ...[...body.matchAll(/\$(\d+)/g)].map((match) => Number(match[1])));
  const inOrder = found.every(({ index }, at) => index === at + 1);
  if (!inOrder || found.length !== used)
    throw new Error(`${file}: the header must name $1 to $${used} in order, as "-- $1 name type"`);
  return found.map(({ name, type, nullable }) => ({ name, type, nullable }));
}

// `1; says whether`, `0 or 1`, `0 (no such key) or 1` and `1 if claimed, 0 if not` are at most one; `1..n`, `one per queue` many.
const oneRow = /^(1\b(?!\.\.)|0 (\([^)]*\) )?or 1\b|0\.\.1\b)/;

function rowsOf(said: string): Header["rows"] {
  if (/^none\b/.test(said)) return "none";
  if (/^copy\b/.test(said)) return "copy";
  return oneRow.test(said) ? "one" : "many";
}

const namesOf = (list: string | undefined): string[] =>
  (list ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
