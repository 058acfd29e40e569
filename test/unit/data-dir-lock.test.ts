import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withDataDirLock } from "../../src/config/data-dir/lock.ts";
import { identityOf, isRunning, ownIdentity } from "../../src/config/data-dir/process-identity.ts";
import { waitFor } from "../support/wait.ts";

let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "sluice-lock-"));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

/** A process that has ended: its identity was real and is nobody's now. */
async function deadProcess() {
  const { stdout } = await promisify(execFile)(process.execPath, ["-p", "process.pid"]);
  return { pid: Number(stdout), startedAt: "1" };
}
const writeLock = (owner: object, name = "lock") =>
  writeFile(join(dataDir, name), JSON.stringify({ token: "theirs", ...owner }));

test("a process is itself, and not another one that got its number", async () => {
  const own = await ownIdentity();
  expect(own.pid).toBe(process.pid);
  expect(await isRunning(own)).toBe(true);
  expect(await isRunning({ ...own, startedAt: "1" })).toBe(false);
  expect(await identityOf((await deadProcess()).pid)).toBeUndefined();
});

test("of many who want it at once, one has it at a time, and nothing is left over", async () => {
  let inside = 0;
  let insideMax = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    insideMax = Math.max(insideMax, inside);
    await readdir(dataDir);
    inside -= 1;
    done += 1;
  };
  await Promise.all(Array.from({ length: 12 }, () => withDataDirLock(dataDir, work)));
  expect({ insideMax, done }).toEqual({ insideMax: 1, done: 12 });
  expect(await readdir(dataDir)).toEqual([]);
});

test("a failure inside releases it", async () => {
  await expect(withDataDirLock(dataDir, () => Promise.reject(new Error("inside")))).rejects.toThrow("inside");
  expect(await withDataDirLock(dataDir, () => Promise.resolve("again"))).toBe("again");
});

test("the lock of a killed process is stolen by exactly one of those who wait", async () => {
  await writeLock(await deadProcess());
  let inside = 0;
  const order: number[] = [];
  const work = async (): Promise<void> => {
    order.push((inside += 1));
    await readdir(dataDir);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 8 }, () => withDataDirLock(dataDir, work)));
  expect(order).toEqual(Array.from({ length: 8 }, () => 1));
});

test("the lock of a living process is respected until it is gone", async () => {
  await writeLock(await ownIdentity());
  let entered = false;
  const waiting = withDataDirLock(dataDir, () => {
    entered = true;
    return Promise.resolve();
  });
  await waitFor("the waiter's own file", async () => (await readdir(dataDir)).length === 2);
  expect(entered).toBe(false);
  expect(await readFile(join(dataDir, "lock"), "utf8")).toContain("theirs");
  await rm(join(dataDir, "lock"));
  await waiting;
  expect(entered).toBe(true);
});

test("a thief that was killed half way, and a lock that was left empty, do not block for ever", async () => {
  const longAgo = new Date(Date.now() - 60_000);
  await writeFile(join(dataDir, "lock"), "");
  await utimes(join(dataDir, "lock"), longAgo, longAgo);
  await writeLock(await deadProcess(), "lock.steal");
  await utimes(join(dataDir, "lock.steal"), longAgo, longAgo);
  expect(await withDataDirLock(dataDir, () => Promise.resolve("mine"))).toBe("mine");
});
