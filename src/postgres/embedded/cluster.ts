// One embedded PostgreSQL cluster: made once, started as often as needed. We drive `initdb` and `postgres` ourselves instead
// of using the npm package's class: that one ties the server to our terminal and pipes, kills it at exit, and cannot find
// one that runs already.
import { randomBytes } from "node:crypto";
import { execFile } from "node:child_process";
import { chown, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { codeOf } from "../../config/data-dir/error-code.ts";
import { storeLimits } from "../../config/data-dir/limits.ts";
import type { ServerDriver } from "../../config/data-dir/shared-server.ts";
import { stopUnrecorded } from "../../config/data-dir/shared-server.ts";
import { freePort, spawnServer, waitUntilReady } from "../../config/data-dir/spawn-server.ts";
import type { ProcessIdentity } from "../../config/data-dir/process-identity.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Binaries } from "./binaries.ts";
import type { Home } from "./home.ts";

const run = promisify(execFile);

/** SIGINT is PostgreSQL's fast shutdown; SIGQUIT stops at once and is recovered from at the next start, like a crash. */
export const stopSignals: ServerDriver["stopSignals"] = ["SIGINT", "SIGQUIT"];

const role = "sluice";
const database = "sluice";

/** The server's settings, each a deliberate choice; everything else is PostgreSQL's default. */
const settings: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  // API, workers, dispatcher, queue and board of one machine each keep a small pool; an idle connection costs about 2 MB.
  max_connections: "300",
  shared_buffers: "256MB",
  // Uploads of a million lines write gigabytes in minutes; with the default of 1 GB they would checkpoint all the time.
  max_wal_size: "2GB",
  // The truth lives here: what was acknowledged is on the disk.
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  // Compiling a plan costs more than our statements take.
  jit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  // A statement or an error text may hold what a customer sent, so the server's log has starts, stops and crashes only. Our
  // own process hears of every error anyway.
  log_min_messages: "log",
  log_min_error_statement: "panic",
  log_error_verbosity: "terse",
  log_statement: "none",
  log_checkpoints: "off",
};

/** Makes the cluster if it is not there yet. Whole or not at all: it is made beside its place and renamed into it. */
export async function ensureCluster(home: Home, binaries: Binaries): Promise<void> {
  const data = join(home.path, "data");
  const version = await readFile(join(data, "PG_VERSION"), "utf8").catch(() => undefined);
  const major = binaries.version.split(".")[0];
  if (version?.trim() === major) return;
  if (version !== undefined) {
    const detail = `${data} was made by PostgreSQL ${version.trim()}, the programs here are ${binaries.version}; dump it with the old ones first`;
    throw new ServiceError("embedded_failed", { detail });
  }
  const draft = join(home.path, "data.new");
  await rm(draft, { recursive: true, force: true });
  const passwordFile = join(home.path, "password");
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  if (home.account !== undefined) await chown(passwordFile, home.account.uid, home.account.gid);
  await initialise(home, binaries, draft);
  await rename(draft, data);
}

async function initialise(home: Home, binaries: Binaries, draft: string): Promise<void> {
  // The builtin C.UTF-8 locale: sorts by code point like C, knows upper and lower case of all letters, and never changes
  // with the machine's libraries, so that an index is still in order after an upgrade of the system.
  const locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  const access = [`--username=${role}`, "--auth=scram-sha-256", `--pwfile=${join(home.path, "password")}`];
  try {
    await run(binaries.initdb, ["-D", draft, ...locale, ...access], {
      cwd: home.path,
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" },
      ...(home.account && { uid: home.account.uid, gid: home.account.gid }),
    });
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    const stderr = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
    const said = stderr.trim().split("\n").at(-1) ?? "";
    throw new ServiceError("embedded_failed", { detail: `initdb failed: ${said}`, cause: error });
  }
}

/** A started cluster: how to reach its database, and the process. */
export interface RunningCluster {
  readonly url: string;
  readonly port: number;
  readonly server: ProcessIdentity;
}

/**
 * Starts the server and makes its database. Recovers after a crash; on the port it had before if that is free. `others`: settings of
 * a server that is nobody's truth.
 */
export async function startCluster(
  home: Home,
  binaries: Binaries,
  wantedPort: number | undefined,
  others: Readonly<Record<string, string>> = {},
): Promise<RunningCluster> {
  const data = join(home.path, "data");
  await clearPidFile(data);
  const port = await freePort(wantedPort);
  const logPath = join(home.path, "server.log");
  const account = home.account && { uid: home.account.uid, gid: home.account.gid };
  const flags = Object.entries({ ...settings, ...others, port: String(port) }).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  const server = await spawnServer({
    command: binaries.postgres,
    args: ["-D", data, ...flags],
    cwd: data,
    account,
    logPath,
  });
  const password = (await readFile(join(home.path, "password"), "utf8")).trim();
  const urlOf = (name: string): string =>
    `postgres://${role}:${encodeURIComponent(password)}@127.0.0.1:${port}/${name}`;
  await waitUntilReady(server, logPath, () => answers(urlOf("postgres")));
  await ensureDatabase(urlOf("postgres"));
  return { url: urlOf(database), port, server };
}

/**
 * Resolves the pid file a crash left behind. PostgreSQL checks it too, but takes any process that has got the number since
 * for a living server and then refuses to start; in a container, where numbers begin anew, that is the rule. Only then is the file
 * removed: otherwise it is by what stands in it that a new server knows that sessions of a killed one are still at work in the
 * same memory, and waits for their end instead of writing beside them.
 */
async function clearPidFile(data: string): Promise<void> {
  const path = join(data, "postmaster.pid");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return;
  const pid = Number(text.split("\n")[0]);
  await stopUnrecorded(pid, data, stopSignals);
  if (isTaken(pid)) await rm(path, { force: true });
}

/** Whether anybody has that number, be it only a dead process that nobody has asked after yet. */
function isTaken(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

/** True when the server lets us in; false while nothing listens yet or it still recovers. Throws on a refusal. */
export async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: storeLimits.probeTimeoutMs,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch (error) {
    // Class 28: it runs and does not know our password, which no amount of waiting changes.
    if (codeOf(error)?.startsWith("28") === true)
      throw new ServiceError("embedded_failed", {
        detail: "the embedded PostgreSQL refuses its password",
        cause: error,
      });
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: storeLimits.probeTimeoutMs,
  });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [database]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${database}`);
  } finally {
    await client.end();
  }
}
