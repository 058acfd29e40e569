// The Redis of the queue: found, started, shared, looked over.
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { readServerRecord } from "../../src/config/data-dir/connection-file.ts";
import { identityOf } from "../../src/config/data-dir/process-identity.ts";
import { silentLog as log } from "../../src/observe/log.ts";
import { inspectRedis } from "../../src/queue/inspect-redis.ts";
import { openRedis } from "../../src/queue/open-redis.ts";
import { waitFor } from "../support/wait.ts";
import { newProject, openElsewhere, serverPid } from "./support.ts";

async function command(url: string, ...words: [string, ...string[]]): Promise<unknown> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    return await redis.call(...words);
  } finally {
    redis.disconnect();
  }
}

let project: Awaited<ReturnType<typeof newProject>>;
beforeEach(async () => {
  project = await newProject();
});
afterEach(() => project.remove());

const openHere = async () => {
  const opened = await openRedis({ dataDir: project.dataDir, log });
  if (opened.kind === "none") throw new Error("there is no Redis on the PATH");
  return opened;
};

test("REDIS_URL is used and looked over, and the banner keeps its password to itself", async () => {
  const opened = await openRedis({ redisUrl: inject("redisUrl"), dataDir: project.dataDir, log });
  expect(opened).toMatchObject({
    kind: "external",
    url: inject("redisUrl"),
    report: { persistence: "aof", evictionPolicy: "noeviction", warnings: [] },
  });
  expect(opened.describe).not.toContain(new URL(inject("redisUrl")).password);
  await opened.close();
});

test("a REDIS_URL where nothing answers is a fault at once, not a wait for ever", async () => {
  const startedAt = performance.now();
  await expect(
    openRedis({ redisUrl: "redis://127.0.0.1:1", dataDir: project.dataDir, log }),
  ).rejects.toMatchObject({ code: "queue_unavailable" });
  expect(performance.now() - startedAt).toBeLessThan(6_000);
});

test("without a program on the PATH there is none, and it says why", async () => {
  const opened = await openRedis({ dataDir: project.dataDir, programs: ["no-such-redis"], log });
  expect(opened).toMatchObject({
    kind: "none",
    describe: "no REDIS_URL and no redis-server or valkey-server on the PATH",
  });
});

test("the child keeps an append-only file, never evicts, and is for this machine and its owner only", async () => {
  const redis = await openHere();
  expect(redis.kind).toBe("child");
  expect(new URL(redis.url).hostname).toBe("127.0.0.1");
  expect(redis.report).toMatchObject({ persistence: "aof", evictionPolicy: "noeviction", warnings: [] });
  const settings = await Promise.all(
    ["appendfsync", "save", "bind"].map((name) => command(redis.url, "CONFIG", "GET", name)),
  );
  expect(settings).toEqual([
    ["appendfsync", "everysec"],
    ["save", ""],
    ["bind", "127.0.0.1"],
  ]);
  expect((await stat(join(project.dataDir, "connection"))).mode & 0o777).toBe(0o600);
  expect((await stat(join(project.dataDir, "redis/redis.conf"))).mode & 0o777).toBe(0o600);
  await expect(command(redis.url.replace(/:[^:@]+@/, ":wrong@"), "PING")).rejects.toThrow(/WRONGPASS|closed/);
  await redis.close();
  expect(await serverPid(project.dataDir, "redis")).toBeUndefined();
});

test("a second process finds the first one's, the last one out stops it, and the next start has its data", async () => {
  const other = await openElsewhere(project.dataDir, "redis", "postgres");
  const here = await openHere();
  expect([other.stores[0]?.kind, here.kind]).toEqual(["child", "shared-child"]);
  await command(here.url, "SET", "kept", "42");
  await other.close();
  expect(await command(here.url, "GET", "kept")).toBe("42");
  await here.close();
  expect(await serverPid(project.dataDir, "redis")).toBeUndefined();
  const again = await openHere();
  expect(again).toMatchObject({ kind: "child", url: here.url });
  expect(await command(again.url, "GET", "kept")).toBe("42");
  await again.close();
});

test("kill -9 of the process that started it: the next start joins it", async () => {
  const other = await openElsewhere(project.dataDir, "redis");
  const pid = await serverPid(project.dataDir, "redis");
  await other.kill();
  const here = await openHere();
  expect(here.kind).toBe("shared-child");
  expect(await serverPid(project.dataDir, "redis")).toBe(pid);
  await here.close();
});

test("kill -9 of the child: it comes back by itself at the same address", async () => {
  const here = await openHere();
  const pid = (await serverPid(project.dataDir, "redis")) ?? 0;
  process.kill(pid, "SIGKILL");
  await waitFor("the restarted child", () => command(here.url, "PING"), { timeoutMs: 15_000 });
  const record = await waitFor("its record", async () => {
    const found = await readServerRecord(project.dataDir, "redis");
    return found?.server?.pid === pid ? undefined : found;
  });
  expect(record.url).toBe(here.url);
  await here.close();
});

test("a child that no record knows is not joined by a second one on its files", async () => {
  const other = await openElsewhere(project.dataDir, "redis");
  const pid = (await serverPid(project.dataDir, "redis")) ?? 0;
  await command(other.stores[0]?.url ?? "", "SET", "kept", "42");
  await other.kill();
  await writeFile(
    join(project.dataDir, "connection"),
    JSON.stringify({ version: 1, dataDir: project.dataDir }),
  );
  const here = await openHere();
  expect(here.kind).toBe("child");
  expect(await identityOf(pid)).toBeUndefined();
  expect(await command(here.url, "GET", "kept")).toBe("42");
  await here.close();
});

test("an eviction policy that may drop entries and a missing persistence are warned of, each with its code", async () => {
  const redis = await openHere();
  await command(redis.url, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  await command(redis.url, "CONFIG", "SET", "appendonly", "no");
  const report = await inspectRedis(redis.url);
  expect(report).toMatchObject({ flavour: "redis", evictionPolicy: "allkeys-lru", persistence: "none" });
  expect(report.warnings.map(({ code }) => code)).toEqual(["eviction_policy", "no_persistence"]);
  await command(redis.url, "CONFIG", "SET", "save", "60 1000");
  expect(await inspectRedis(redis.url)).toMatchObject({ persistence: "rdb" });
  await redis.close();
});

test("a program that cannot start is told with the last line of its log", async () => {
  const broken = join(project.root, "redis-server");
  await writeFile(broken, "#!/bin/sh\necho it is broken\nexit 1\n");
  await chmod(broken, 0o755);
  const failing = openRedis({ dataDir: project.dataDir, programs: [broken], log });
  await expect(failing).rejects.toMatchObject({
    code: "embedded_failed",
    detail: expect.stringContaining("it is broken"),
  });
  expect(await readFile(join(project.dataDir, "redis/server.log"), "utf8")).toContain("it is broken");
});
