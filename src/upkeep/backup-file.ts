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
/** It stands behind the end of a row, or at once. */
const rowsEnd = Buffer.from("\n\\.\n");
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
    // oxlint-disable-next-line no-await-in-loop -- one table after the other, chunk by chunk
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
  const parser = new BackupParser();
  for await (const chunk of bytes) yield* parser.take(chunk);
  parser.end();
}

/** As many bytes as may begin the end of a section without being it. */
const heldBytes = rowsEnd.length - 1;

class BackupParser {
  #inRows = false;
  /** Whether what was handed on last ended inside a row: its end cannot be the end of the section then. */
  #midRow = false;
  #left: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): BackupPart[] {
    const buffer = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk]);
    this.#left = Buffer.alloc(0);
    const parts: BackupPart[] = [];
    let at: number | null = 0;
    while (at !== null && at < buffer.length)
      at = this.#inRows ? this.#rows(buffer, at, parts) : this.#line(buffer, at, parts);
    if (this.#left.length > lineBytesMax) throw damaged("A line has no end.");
    return parts;
  }

  end(): void {
    if (this.#left.length > 0 || this.#inRows) throw damaged("It ends in the middle.");
  }

  /** Where to go on; null: more bytes are needed. */
  #line(buffer: Buffer, at: number, parts: BackupPart[]): number | null {
    const end = buffer.indexOf(newline, at);
    if (end < 0) return this.#keep(buffer, at);
    const value = parseLine(buffer.subarray(at, end));
    parts.push({ kind: "line", value });
    this.#inRows = tableSchema.safeParse(value).success;
    this.#midRow = false;
    return end + 1;
  }

  #rows(buffer: Buffer, at: number, parts: BackupPart[]): number | null {
    const atOnce = !this.#midRow && buffer.subarray(at, at + sectionEnd.length).equals(sectionEnd);
    const before = atOnce ? at - 1 : buffer.indexOf(rowsEnd, at);
    const end = !atOnce && before < 0 ? Math.max(at, buffer.length - heldBytes) : before + 1;
    if (end > at) {
      parts.push({ kind: "rows", bytes: buffer.subarray(at, end) });
      this.#midRow = buffer[end - 1] !== newline;
    }
    if (!atOnce && before < 0) return this.#keep(buffer, end);
    parts.push({ kind: "rows_end" });
    this.#inRows = false;
    return end + sectionEnd.length;
  }

  #keep(buffer: Buffer, at: number): null {
    this.#left = Buffer.from(buffer.subarray(at));
    return null;
  }
}

function parseLine(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw damaged("A line that should be JSON is not.");
  }
}

export const damaged = (detail: string): ServiceError => new ServiceError("backup_damaged", { detail });
