// oxlint-disable no-await-in-loop -- tries and looks come one after the other
// Starting a server process: a free port, a log file, a session of its own, and the wait until it answers.
import { spawn } from "node:child_process";
import { open, readFile, stat, truncate } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ServiceError } from "../../domain/errors.ts";
import { storeLimits } from "./limits.ts";
import { identityOf, isRunning } from "./process-identity.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** The account a server runs as, where it is not our own. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

interface SpawnOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly account: Account | undefined;
  readonly logPath: string;
}

/**
 * Starts a server detached from our terminal and our pipes, so that neither a Ctrl-C nor our own end reaches it. Its
 * environment is empty but for a path and a neutral locale: our keys are none of its business.
 */
export async function spawnServer(options: SpawnOptions): Promise<ProcessIdentity> {
  const info = await stat(options.logPath).catch(() => undefined);
  if (info !== undefined && info.size > storeLimits.serverLogBytesMax) await truncate(options.logPath);
  const log = await open(options.logPath, "a", 0o600);
  try {
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" },
      ...options.account,
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
    const identity = child.pid === undefined ? undefined : await identityOf(child.pid);
    if (identity === undefined) throw await startFault(options.command, options.logPath);
    return identity;
  } finally {
    await log.close();
  }
}

/** Tries `attempt` again with growing pauses: what hinders a start right after a crash passes within seconds. */
export async function startWithRetries<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries >= storeLimits.serverStartTriesMax) throw error;
      await delay(storeLimits.serverStartRetryMs * 2 ** (tries - 1));
    }
  }
}

/** Waits until `answers` says yes; throws when the server ends first or the time is over. */
export async function waitUntilReady(
  server: ProcessIdentity,
  logPath: string,
  answers: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + storeLimits.serverStartMs;
  while (!(await answers())) {
    if (!(await isRunning(server)) || performance.now() > deadline)
      throw await startFault(`process ${server.pid}`, logPath);
    await delay(storeLimits.pollEveryMs);
  }
}

/** The wanted port if nothing listens there, otherwise one the system chooses. Both on 127.0.0.1 only. */
export async function freePort(wanted: number | undefined): Promise<number> {
  const kept = wanted === undefined ? undefined : await listenOnce(wanted).catch(() => undefined);
  return kept ?? listenOnce(0);
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      const taken = typeof address === "object" && address !== null ? address.port : port;
      server.close(() => resolve(taken));
    });
  });
}

async function startFault(what: string, logPath: string): Promise<ServiceError> {
  const log = await readFile(logPath, "utf8").catch(() => "");
  const lastLine = log.trimEnd().split("\n").at(-1) ?? "";
  return new ServiceError("embedded_failed", { detail: `${what} did not start: "${lastLine}" (${logPath})` });
}
