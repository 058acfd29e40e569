// What a run takes place on: a data directory, the stores in it, the processes of the service, and a key to its API.
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { type Client, createClient } from "../../src/cli/client.ts";
import { silentLog } from "../../src/observe/log.ts";
import { stopPostgres } from "../../src/postgres/embedded/open-postgres.ts";
import { stopRedis } from "../../src/queue/open-redis.ts";
import { findRedisServer } from "../../src/queue/redis-server.ts";
import type { Child, Children } from "./children.ts";

/** The service must answer within this time; a first start unpacks and initialises PostgreSQL. */
const readyTimeoutMs = 120_000;

/** A directory for one run that its stores can reach too, whoever they run as. */
export async function makeRunDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "sluice-demo-"));
  // mkdtemp lets nobody else through, and as root PostgreSQL is somebody else.
  await chmod(dir, 0o755);
  return dir;
}

/** Stops whatever stores still run there, because their processes were killed, and removes the directory. */
export async function removeRunDir(dataDir: string): Promise<void> {
  await stopStores(dataDir);
  await rm(dataDir, { recursive: true, force: true });
}

export async function stopStores(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  await stopPostgres({ dataDir, log: silentLog });
  await stopRedis({ dataDir, log: silentLog });
}

/** True if the queue will be a Redis of this machine's own. Without one exactly one process calls the provider. */
export async function hasRedis(): Promise<boolean> {
  if (process.env["SLUICE_QUEUE"] === "postgres") return false;
  return (await findRedisServer(["redis-server", "valkey-server"])) !== undefined;
}

/** 3000, where a reader expects it, or any other that is free. */
export async function choosePort(): Promise<number> {
  return (await freePort(3_000)) ?? (await freePort(0)) ?? 0;
}

function freePort(wanted: number): Promise<number | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(null));
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : null;
      server.close(() => resolve(port));
    });
  });
}

const firstKeys = z.object({ installation: z.string(), default: z.string() });

export interface Api {
  readonly url: string;
  readonly keys: z.infer<typeof firstKeys>;
  readonly client: Client;
  readonly process: Child;
}

/** Starts the process with the API and waits until it is ready. */
export async function startApi(children: Children, environment: NodeJS.ProcessEnv): Promise<Api> {
  const child = children.startService("api", environment);
  const url = `http://127.0.0.1:${environment["SLUICE_PORT"] ?? ""}`;
  await Promise.race([untilReady(url), child.died]);
  const text = await readFile(join(environment["SLUICE_DATA_DIR"] ?? "", "keys.json"), "utf8");
  const keys = firstKeys.parse(JSON.parse(text));
  return { url, keys, client: createClient({ url, key: keys.default }), process: child };
}

async function untilReady(url: string): Promise<void> {
  const deadline = performance.now() + readyTimeoutMs;
  while (performance.now() < deadline) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok === true) return;
    // oxlint-disable-next-line no-await-in-loop -- as above
    await delay(100);
  }
  throw new Error(`The service was not ready within ${readyTimeoutMs / 1_000} s.`);
}
