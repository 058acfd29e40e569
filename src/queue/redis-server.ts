// A Redis of our own: `redis-server` or `valkey-server` from the PATH, for this machine only, under the data directory. Its
// settings are written into a file of mode 0600 rather than on the command line, where everybody could read the password.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { storeLimits } from "../config/data-dir/limits.ts";
import { stopUnrecorded } from "../config/data-dir/shared-server.ts";
import type { ServerDriver, StartedServer } from "../config/data-dir/shared-server.ts";
import { freePort, spawnServer, startWithRetries, waitUntilReady } from "../config/data-dir/spawn-server.ts";

const run = promisify(execFile);

/** SIGTERM writes the append-only file out and ends; SIGKILL may lose the last second, which is refilled from the database. */
const stopSignals: ServerDriver["stopSignals"] = ["SIGTERM", "SIGKILL"];

/** The full path of the first of these programs that is on the PATH; undefined when none is. */
export async function findRedisServer(programs: readonly string[]): Promise<string | undefined> {
  const found = await Promise.all(programs.map((program) => onPath(program)));
  return found.find((path) => path !== undefined);
}

// The shell looks along our PATH, so that nobody has to read the environment and hand it down.
async function onPath(program: string): Promise<string | undefined> {
  const answer = await run("/bin/sh", ["-c", 'command -v "$1"', "sh", program]).catch(() => undefined);
  const path = answer?.stdout.trim() ?? "";
  return path.startsWith("/") ? path : undefined;
}

/** How the child Redis of a data directory is started and recognised. */
export function redisDriver(dataDir: string, program: string): ServerDriver {
  return {
    store: "redis",
    stopSignals,
    async start(previous) {
      await mkdir(join(dataDir, "redis"), { recursive: true, mode: 0o700 });
      const home = await realpath(join(dataDir, "redis"));
      // A server that lost its record would write into the same append-only file as the new one.
      const pid = Number(await readFile(join(home, "redis.pid"), "utf8").catch(() => "0"));
      if (pid > 0) await stopUnrecorded(pid, home, stopSignals);
      const password =
        previous === undefined ? undefined : decodeURIComponent(new URL(previous.url).password);
      return startWithRetries(() =>
        startOnce({
          program,
          home,
          password: password ?? randomBytes(24).toString("base64url"),
          wantedPort: previous?.port,
        }),
      );
    },
    async ready(record) {
      if (record.server === null) return;
      await waitUntilReady(record.server, join(record.home, "server.log"), () => answers(record.url));
    },
  };
}

interface StartOptions {
  readonly program: string;
  readonly home: string;
  readonly password: string;
  readonly wantedPort: number | undefined;
}

async function startOnce({ program, home, password, wantedPort }: StartOptions): Promise<StartedServer> {
  const port = await freePort(wantedPort);
  const configPath = join(home, "redis.conf");
  await rm(configPath, { force: true });
  await writeFile(configPath, configOf({ port: String(port), dir: home, password }), {
    mode: 0o600,
    flag: "wx",
  });
  const logPath = join(home, "server.log");
  const server = await spawnServer({
    command: program,
    args: [configPath],
    cwd: home,
    account: undefined,
    logPath,
  });
  const url = `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}/0`;
  await waitUntilReady(server, logPath, () => answers(url));
  const name = program.endsWith("valkey-server") ? "Valkey" : "Redis";
  return { url, port, home, server, describe: `${name} child (${program}), data in ${home}` };
}

/** Redis reads a quoted value as C strings are read; paths may hold spaces. */
const quoted = (value: string): string =>
  `"${value.replaceAll("\\", "\\\\").replaceAll('"', String.raw`\"`)}"`;

function configOf({ port, dir, password }: { port: string; dir: string; password: string }): string {
  const settings: readonly (readonly [name: string, value: string])[] = [
    ["bind", "127.0.0.1"],
    ["port", port],
    ["protected-mode", "yes"],
    ["requirepass", quoted(password)],
    ["dir", quoted(dir)],
    ["pidfile", quoted(join(dir, "redis.pid"))],
    ["daemonize", "no"],
    // A crash loses at most the last second, and the dispatch sweep refills that from the database; a sync per write would
    // cost more than it saves.
    ["appendonly", "yes"],
    ["appendfsync", "everysec"],
    ["save", '""'],
    // A full memory must refuse new entries, never drop old ones.
    ["maxmemory-policy", "noeviction"],
    ["loglevel", "notice"],
  ];
  return `${settings.map(([name, value]) => `${name} ${value}`).join("\n")}\n`;
}

/** True when it lets us in and has read its file; false while nothing listens or it still loads. */
async function answers(url: string): Promise<boolean> {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableReadyCheck: false,
    connectTimeout: storeLimits.probeTimeoutMs,
    commandTimeout: storeLimits.probeTimeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    await redis.ping();
    return true;
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}
