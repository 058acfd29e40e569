// A Redis that belongs to one test file, so that it may be flushed, killed, and started again with nothing or with an old state.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { quietPort } from "./quiet-port.ts";
import { waitFor } from "./wait.ts";

export interface PrivateRedis {
  readonly url: string;
  flush(): Promise<void>;
  /** Members of a sorted set: entries that are due later, say. */
  countLater(key: string): Promise<number>;
  /** SIGKILL. What it had written stays in its append-only file. */
  kill(): Promise<void>;
  /** Starts it again on the same port. `from` says with what: what it had written, nothing, or what was kept. */
  restart(from: "disk" | "nothing" | "kept"): Promise<void>;
  /** Keeps a copy of what is on its disk; while it is down. */
  keep(): void;
  close(): Promise<void>;
}

export async function openPrivateRedis(): Promise<PrivateRedis> {
  const home = mkdtempSync(join(tmpdir(), "sluice-redis-"));
  const data = join(home, "appendonlydir");
  const kept = join(home, "kept");
  const port = await quietPort();
  const url = `redis://127.0.0.1:${port}/0`;
  let server = await start(home, port, url);
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, "exit");
    server.kill("SIGKILL");
    await exited;
  };
  return {
    url,
    kill,
    flush: () => withRedis(url, async (redis) => void (await redis.flushall())),
    countLater: (key) => withRedis(url, (redis) => redis.zcard(key)),
    restart: async (from) => {
      if (from !== "disk") rmSync(data, { recursive: true, force: true });
      if (from === "kept") cpSync(kept, data, { recursive: true });
      server = await start(home, port, url);
    },
    keep: () => {
      rmSync(kept, { recursive: true, force: true });
      cpSync(data, kept, { recursive: true });
    },
    close: async () => {
      await kill();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function start(home: string, port: number, url: string): Promise<ChildProcess> {
  const settings = ["--port", String(port), "--bind", "127.0.0.1", "--dir", home, "--save", ""];
  const server = spawn(
    "redis-server",
    [...settings, "--appendonly", "yes", "--maxmemory-policy", "noeviction"],
    {
      stdio: "ignore",
    },
  );
  const killWithUs = (): void => void server.kill("SIGKILL");
  process.once("exit", killWithUs);
  server.once("exit", () => process.off("exit", killWithUs));
  await waitFor("Redis to answer", () => withRedis(url, (redis) => redis.ping()), { everyMs: 50 });
  return server;
}

/** Uses a connection of its own, which gives up at the first failure. */
async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
