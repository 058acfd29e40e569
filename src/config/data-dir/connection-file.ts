// `<data dir>/connection`: which embedded stores run and how to reach them. It is how a second process, a command on the
// command line or the next start finds a running PostgreSQL or Redis. It holds their passwords, hence mode 0600; it is
// replaced whole (a reader sees the old or the new text, never half of one) and changed only under the lock.
import { readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ServiceError } from "../../domain/errors.ts";
import { codeOf } from "./error-code.ts";

const identity = z.object({ pid: z.number(), startedAt: z.string() });

const serverRecord = z.object({
  /** How clients reach it, password included. */
  url: z.string(),
  port: z.number(),
  /** Where its data, log and settings are. */
  home: z.string(),
  /** What a person is told about it. */
  describe: z.string(),
  /** The server itself; null when it was stopped in order (port and home stay, for the next start). */
  server: identity.nullable(),
  /** The processes that use it, one entry per open handle. The last one out stops the server. */
  users: z.array(identity.extend({ token: z.string() })),
});

const connectionFile = z.object({
  version: z.literal(1),
  /** The data directory this was written for; see `isForeign`. */
  dataDir: z.string(),
  postgres: serverRecord.optional(),
  redis: serverRecord.optional(),
});

export type ServerRecord = z.infer<typeof serverRecord>;
export type StoreName = "postgres" | "redis";

const pathIn = (dataDir: string): string => join(dataDir, "connection");

/** What the file says about one store; undefined when it says nothing (never started here, or the file was deleted). */
export async function readServerRecord(dataDir: string, store: StoreName): Promise<ServerRecord | undefined> {
  return (await readConnectionFile(dataDir))[store];
}

/** Replaces what the file says about one store. Call it under the lock of the data directory. */
export async function writeServerRecord(
  dataDir: string,
  store: StoreName,
  record: ServerRecord,
): Promise<void> {
  const next = { ...(await readConnectionFile(dataDir)), dataDir: await realpath(dataDir), [store]: record };
  const path = pathIn(dataDir);
  const draft = `${path}.${process.pid}.new`;
  // A draft left by a killed process may have another owner or mode; it must not lend them to the new file.
  await rm(draft, { force: true });
  await writeFile(draft, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600, flag: "wx", flush: true });
  await rename(draft, path);
}

async function readConnectionFile(dataDir: string): Promise<z.infer<typeof connectionFile>> {
  const path = pathIn(dataDir);
  const empty = { version: 1 as const, dataDir };
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new ServiceError("embedded_failed", { detail: `${path} cannot be read`, cause: error });
  });
  if (text === undefined) return empty;
  let file;
  try {
    file = connectionFile.parse(JSON.parse(text));
  } catch (error) {
    const detail = `${path} is damaged; delete it while no process of Sluice runs`;
    throw new ServiceError("embedded_failed", { detail, cause: error });
  }
  return (await isForeign(file.dataDir, dataDir)) ? empty : file;
}

/**
 * True when the file came along with a copy of another project: joining that project's servers would mix the two. A project
 * that was moved, in contrast, keeps its servers and its data.
 */
async function isForeign(writtenFor: string, dataDir: string): Promise<boolean> {
  if (writtenFor === (await realpath(dataDir))) return false;
  return (await stat(pathIn(writtenFor)).catch(() => undefined)) !== undefined;
}
