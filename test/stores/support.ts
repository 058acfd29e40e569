// What the tests of the embedded stores share: data directories, other processes, and looking at what runs.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { z } from "zod";
import { readServerRecord } from "../../src/config/data-dir/connection-file.ts";
import type { StoreName } from "../../src/config/data-dir/connection-file.ts";
import { isRunning } from "../../src/config/data-dir/process-identity.ts";
import { silentLog } from "../../src/observe/log.ts";
import { stopPostgres } from "../../src/postgres/embedded/open-postgres.ts";
import { stopRedis } from "../../src/queue/open-redis.ts";

/**
 * A project directory whose `.sluice` is the data directory; cleared away with whatever still runs in it. `mode` says who may
 * enter it: where the tests run as root, PostgreSQL runs as somebody else.
 */
export async function newProject(
  mode = 0o755,
): Promise<{ root: string; dataDir: string; remove(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), "sluice-stores-"));
  await chmod(root, mode);
  const dataDir = join(root, ".sluice");
  const remove = async (): Promise<void> => {
    await stopPostgres({ dataDir, log: silentLog }).catch(() => undefined);
    await stopRedis({ dataDir, log: silentLog }).catch(() => undefined);
    const home = (await readServerRecord(dataDir, "postgres").catch(() => undefined))?.home;
    if (home !== undefined) await rm(home, { recursive: true, force: true });
    await rm(root, { recursive: true, force: true });
  };
  return { root, dataDir, remove };
}

const answer = z.array(
  z.object({ url: z.string(), kind: z.string(), describe: z.string(), pid: z.number() }),
);

export interface OtherProcess {
  readonly pid: number;
  readonly stores: z.infer<typeof answer>;
  /** Ends its input, upon which it closes its stores and exits. */
  close(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
}

/** Another process that opens stores of that data directory. */
export async function openElsewhere(dataDir: string, ...stores: StoreName[]): Promise<OtherProcess> {
  const program = join(import.meta.dirname, "programs/open-stores.ts");
  const child = spawn(process.execPath, ["--import", "tsx", program, dataDir, ...stores], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, "line"), exited.then(() => [""])]);
  const opened = answer.parse(JSON.parse(String(first[0])));
  const end = async (act: (child: ChildProcess) => void): Promise<void> => {
    act(child);
    await exited;
  };
  return {
    pid: opened[0]?.pid ?? 0,
    stores: opened,
    close: () => end(() => child.stdin.end()),
    kill: () => end(() => child.kill("SIGKILL")),
  };
}

/** The pid of the server that the connection file names, if it runs. */
export async function serverPid(dataDir: string, store: StoreName): Promise<number | undefined> {
  const server = (await readServerRecord(dataDir, store))?.server;
  return server && (await isRunning(server)) ? server.pid : undefined;
}

/** One statement on a connection of its own; its first row. */
export async function ask(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows[0] ?? {};
  } finally {
    await client.end();
  }
}
