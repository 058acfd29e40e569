// oxlint-disable no-await-in-loop -- a lock is asked for again and again, one try after the other
// The lock of a data directory. Everything that starts, finds, registers with or stops an embedded store happens under it,
// so of two processes that start at once exactly one initialises and the other finds the result.
//
// Node has no flock, so the lock is a file: `link` of a ready-written file creates it whole or fails. It holds the identity
// of its owner; when that process is gone (kill -9), the lock is stolen. Stealing is a race of its own: two thieves may
// judge the same file stale, and the slower would take away the lock the faster has just won. So stealing has a lock too
// (`lock.steal`), under which the judgement is repeated. A thief killed in between leaves that file; it is cleared by age.
import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { ServiceError } from "../../domain/errors.ts";
import { codeOf } from "./error-code.ts";
import { storeLimits } from "./limits.ts";
import { isRunning, ownIdentity } from "./process-identity.ts";

const lockOwner = z.object({ pid: z.number(), startedAt: z.string(), token: z.string() });
type LockOwner = z.infer<typeof lockOwner>;

/** Runs `work` while this process alone holds the lock of the data directory. Waits at most `lockWaitMs` for it. */
export async function withDataDirLock<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  const path = join(dataDir, "lock");
  const token = await acquire(path);
  try {
    return await work();
  } finally {
    // Only our own lock: if it was stolen (which needs this process to look dead), the thief's stays.
    if ((await ownerOf(path))?.token === token) await rm(path, { force: true });
  }
}

async function acquire(path: string): Promise<string> {
  const owner: LockOwner = { ...(await ownIdentity()), token: randomUUID() };
  const mine = `${path}.${owner.token}`;
  await writeFile(mine, JSON.stringify(owner), { mode: 0o600 });
  const deadline = performance.now() + storeLimits.lockWaitMs;
  try {
    while (!(await linked(mine, path))) {
      if (await stole(mine, path)) break;
      if (performance.now() > deadline) {
        const holder = await ownerOf(path);
        throw new ServiceError("embedded_failed", {
          detail: `${path} is held by process ${holder?.pid ?? "unknown"}`,
        });
      }
      await delay(storeLimits.pollEveryMs);
    }
    return owner.token;
  } finally {
    await rm(mine, { force: true });
  }
}

/** True when our file now stands at `path`; false when something stood there already. */
async function linked(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Takes the lock over from a dead owner. True when it is ours now. */
async function stole(mine: string, path: string): Promise<boolean> {
  if (!(await isStale(path))) return false;
  const steal = `${path}.steal`;
  // The age of the mark is that of our file, which may have waited for long.
  await utimes(mine, new Date(), new Date());
  if (!(await linked(mine, steal))) {
    const info = await stat(steal).catch(() => undefined);
    if (info !== undefined && Date.now() - info.mtimeMs > storeLimits.lockStealMs)
      await rm(steal, { force: true });
    return false;
  }
  try {
    // Judged again now that nobody else steals: the lock may have been won by another thief a moment ago.
    if (!(await isStale(path))) return false;
    await rename(steal, path);
    return true;
  } finally {
    await rm(steal, { force: true });
  }
}

/** A lock whose owner is gone. One that cannot be read has just been released, or was left empty by a full disk. */
async function isStale(path: string): Promise<boolean> {
  const owner = await ownerOf(path);
  if (owner !== undefined) return !(await isRunning(owner));
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > storeLimits.lockStealMs;
}

async function ownerOf(path: string): Promise<LockOwner | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  try {
    return lockOwner.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
