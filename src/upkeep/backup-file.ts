// The form of a backup: one gzip file of lines.
//
//   {"sluice_backup":1,"snapshot_at":…,"migrations":[…],"tables":[{"name","columns"},…]}
//   {"table":"tenants"}            for every table, in the order of the head
//   …                              its rows as COPY text; a row is a line
//   \.                             its end, as in COPY's own files: no row can be this line
//   {"rows":3,"sha256":"…"}        over the bytes of its rows
//   {"end":true,"sequences":[…]}   a file without this line is not whole
//
// Reading and writing hold one chunk at a time, whatever the size.

import { createHash } from "node:crypto";
import { z } from "zod";
import { ServiceError } from "../domain/errors.ts";
import type { Snapshot } from "../postgres/backup.ts";

const migrationSchema = z.object({ number: z.number(), name: z.string(), sha256: z.string() });
export const headSchema = z.object({
  sluice_backup: z.literal(1),
  snapshot_at: z.coerce.date(),
  migrations: z.array(migrationSchema).min(1),
  tables: z.array(z.object({ name: z.string(), columns: z.array(z.string()).min(1) })).min(1),
});
export type BackupHead = z.infer<typeof headSchema>;
export const tableSchema = z.object({ table: z.string() });
export const tableEndSchema = z.object({ rows: z.number(), sha256: z.string() });
export const endSchema = z.object({
  end: z.literal(true),
  sequences: z.array(z.object({ name: z.string(), last_value: z.string() })),
});

/** Rows by table. */
export type RowCounts = Map<string, number>;

const newline = 10;
const sectionEnd = Buffer.from("\\.\n");
const line = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);

/** The bytes of a backup before compression; counts its rows into `counts`. */
export async function* writeParts(snapshot: Snapshot, counts: RowCounts): AsyncGenerator<Buffer> {
  const migrations = snapshot.migrations.map(({ number, name, sha256 }) => ({ number, name, sha256 }));
  yield line({
    sluice_backup: 1,
    snapshot_at: snapshot.at.toISOString(),
    migrations,
    tables: snapshot.tables,
  });
  for (const table of snapshot.tables) {
    yield line({ table: table.name });
    const hash = createHash("sha256");
    let rows = 0;
    for await (const chunk of snapshot.copy(table) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) rows += 1;
      yield chunk;
    }
    yield sectionEnd;
    yield line({ rows, sha256: hash.digest("hex") });
    counts.set(table.name, rows);
  }
  const sequences = await snapshot.sequences();
  yield line({
    end: true,
    sequences: sequences.map(({ name, lastValue }) => ({ name, last_value: String(lastValue) })),
  });
}

export type BackupPart =
  | { readonly kind: "line"; readonly value: unknown }
  | { readonly kind: "rows"; readonly bytes: Buffer }
  | { readonly kind: "rows_end" };

/** A JSON line of a backup is a list of names at most. */
const lineBytesMax = 1_000_000;

/** Takes a backup apart. Rows follow every line `{"table": …}`. @throws ServiceError backup_damaged */
export async function* readParts(bytes: AsyncIterable<Buffer>): AsyncGenerator<BackupPart> {
  let mode: "line" | "row_start" | "row" = "line";
  let left = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const buffer = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    let at = 0;
    let rowsFrom = 0;
    scan: while (at < buffer.length) {
      if (mode === "line") {
        const end = buffer.indexOf(newline, at);
        if (end < 0) break;
        const value = parseLine(buffer.subarray(at, end));
        at = end + 1;
        rowsFrom = at;
        if (tableSchema.safeParse(value).success) mode = "row_start";
        yield { kind: "line", value };
        continue;
      }
      if (mode === "row_start") {
        if (buffer.length - at < sectionEnd.length && buffer[at] === sectionEnd[0]) break;
        if (buffer.subarray(at, at + sectionEnd.length).equals(sectionEnd)) {
          if (at > rowsFrom) yield { kind: "rows", bytes: buffer.subarray(rowsFrom, at) };
          yield { kind: "rows_end" };
          at += sectionEnd.length;
          mode = "line";
          continue;
        }
        mode = "row";
      }
      const end = buffer.indexOf(newline, at);
      if (end < 0) {
        at = buffer.length;
        break scan;
      }
      at = end + 1;
      mode = "row_start";
    }
    if (mode !== "line" && at > rowsFrom) yield { kind: "rows", bytes: buffer.subarray(rowsFrom, at) };
    left = Buffer.from(buffer.subarray(at));
    if (left.length > lineBytesMax) throw damaged("A line has no end.");
  }
  if (left.length > 0 || mode !== "line") throw damaged("It ends in the middle.");
}

function parseLine(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw damaged("A line that should be JSON is not.");
  }
}

export const damaged = (detail: string): ServiceError => new ServiceError("backup_damaged", { detail });
