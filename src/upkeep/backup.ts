// A backup of everything Sluice knows, in one snapshot, while it runs. The queue is not part of it: it is refilled from the rows.
//
// The file appears under its name when it is whole: dying half way leaves a `.part` file and nothing else. It holds what jobs were
// sent and answered and the hashes of keys, so only this user may read it.

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Pool } from "../postgres/pool.ts";
import { withSnapshot } from "../postgres/backup.ts";
import { writeParts } from "./backup-file.ts";
import type { RowCounts } from "./backup-file.ts";

export interface BackupReport {
  readonly file: string;
  readonly snapshotAt: Date;
  readonly rows: RowCounts;
  /** Of the file. */
  readonly sha256: string;
}

/** Writes a backup. @throws what the file system says when the file cannot be written */
export async function backup(pool: Pool, file: string): Promise<BackupReport> {
  const draft = `${file}.part`;
  const rows: RowCounts = new Map();
  await rm(draft, { force: true });
  try {
    const snapshotAt = await withSnapshot(pool, async (snapshot) => {
      await pipeline(
        Readable.from(writeParts(snapshot, rows)),
        createGzip({ level: 6 }),
        createWriteStream(draft, { flags: "wx", mode: 0o600 }),
      );
      return snapshot.at;
    });
    const sha256 = await fileSha256(draft);
    await sync(draft);
    await rename(draft, file);
    return { file, snapshotAt, rows, sha256 };
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

export async function fileSha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest("hex");
}

/** A rename may reach the disk before the bytes do. */
async function sync(file: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
