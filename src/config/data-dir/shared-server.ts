// oxlint-disable no-await-in-loop -- watching and stopping are one look after the other
// A store server (PostgreSQL or Redis) that the processes of one data directory share.
//
//   open    under the lock: a recorded server that runs is joined, otherwise one is started; then this process registers.
//   watch   every second: has the server died (kill -9, out of memory), whoever gets the lock first starts it again on the
//           same port with the same data and password, so that every pool and client reconnects by itself.
//   close   under the lock: this process signs off; the last one out stops the server. Who started it does not matter.
//
// The server is a child in a session of its own: a Ctrl-C on the terminal reaches only us, and we stop it in order. If a
// process is killed with -9, its server lives on; the next start finds it, and its registration is dropped because the
// process it names is gone. A server found running that the file does not know (the file was deleted, or its starter was
// killed between starting and recording) is stopped and started again: drivers see to that with `stopUnrecorded`.
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ServiceError } from "../../domain/errors.ts";
import { readServerRecord, writeServerRecord } from "./connection-file.ts";
import type { ServerRecord, StoreName } from "./connection-file.ts";
import { codeOf } from "./error-code.ts";
import { storeLimits } from "./limits.ts";
import { withDataDirLock } from "./lock.ts";
import { identityOf, isRunning, ownIdentity, worksIn } from "./process-identity.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** The part of the log that is needed here; `observe` is a sibling that this layer does not know. */
export interface StoreLog {
  event(
    name: "embedded.started" | "embedded.found" | "embedded.stopped" | "embedded.died",
    fields: Readonly<Record<string, string | number | undefined>>,
  ): void;
}

/** What a server is like before it has users. */
export type StartedServer = Omit<ServerRecord, "users" | "server"> & { readonly server: ProcessIdentity };

/** How one kind of server is started, recognised and stopped. Its functions run under the lock of the data directory. */
export interface ServerDriver {
  readonly store: StoreName;
  /** Starts the server and resolves when it answers. A previous record says where its data is and which port it had. */
  start(previous: ServerRecord | undefined): Promise<StartedServer>;
  /** Resolves when the recorded server, whose process runs, answers; waits while it recovers, throws when it never does. */
  ready(record: ServerRecord): Promise<void>;
  /** The signal for an orderly stop, and the one for a stop at once that still loses nothing acknowledged. */
  readonly stopSignals: readonly [orderly: NodeJS.Signals, atOnce: NodeJS.Signals];
}

/** An open handle on a shared server. */
export interface SharedServer {
  readonly url: string;
  readonly describe: string;
  readonly home: string;
  /** True when it ran already and this process only joined. */
  readonly joined: boolean;
  /** Signs off; stops the server if nobody else uses it. Safe to call twice. */
  close(): Promise<void>;
}

interface OpenOptions {
  readonly dataDir: string;
  readonly driver: ServerDriver;
  readonly log: StoreLog;
}

/** This process's registration, and the server as it was last seen. */
interface Handle {
  readonly token: string;
  known: ServerRecord;
}

/** Finds or starts the server of this data directory, registers this process with it and keeps it alive until `close`. */
export async function openSharedServer(options: OpenOptions): Promise<SharedServer> {
  const { dataDir, driver, log } = options;
  // 0755: PostgreSQL may run as another user than we do and has to walk through; what is secret in it has its own mode.
  await mkdir(dataDir, { recursive: true, mode: 0o755 });
  const user = { ...(await ownIdentity()), token: randomUUID() };
  const { record, joined } = await withDataDirLock(dataDir, () => joinOrStart(options, user));
  log.event(joined ? "embedded.found" : "embedded.started", {
    store: driver.store,
    pid: record.server?.pid,
    port: record.port,
  });

  const closing = new AbortController();
  const handle: Handle = { token: user.token, known: record };
  const watching = watch(options, handle, closing.signal);
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    closing.abort();
    await watching;
    await signOff(options, handle);
  };
  return {
    url: record.url,
    describe: record.describe,
    home: record.home,
    joined,
    close: () => (closed ??= close()),
  };
}

/** Stops a recorded server whoever uses it; their watchers see that they were signed off and let it rest. */
export async function stopSharedServer(options: OpenOptions): Promise<void> {
  await withDataDirLock(options.dataDir, async () => {
    const record = await readServerRecord(options.dataDir, options.driver.store);
    if (record !== undefined) await stopRecorded(options, record);
  });
}

async function joinOrStart(
  options: OpenOptions,
  user: ServerRecord["users"][number],
): Promise<{ record: ServerRecord; joined: boolean }> {
  const { dataDir, driver } = options;
  const previous = await readServerRecord(dataDir, driver.store);
  const users = [...(await runningUsers(previous)), user];
  if (previous !== undefined && (await serverRuns(previous))) {
    await driver.ready(previous);
    const record = { ...previous, users };
    await writeServerRecord(dataDir, driver.store, record);
    return { record, joined: true };
  }
  const record = { ...(await driver.start(previous)), users };
  await writeServerRecord(dataDir, driver.store, record);
  return { record, joined: false };
}

async function signOff(options: OpenOptions, { token, known }: Handle): Promise<void> {
  const { dataDir, driver } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o755 });
  await withDataDirLock(dataDir, async () => {
    const record = await readServerRecord(dataDir, driver.store);
    // The data directory was deleted under us. Its server serves nobody any more, and nothing else would ever find it.
    if (record === undefined) return stopRecorded(options, known);
    // Somebody stopped the server for everybody.
    if (!record.users.some((user) => user.token === token)) return;
    const users = (await runningUsers(record)).filter((user) => user.token !== token);
    if (users.length > 0) {
      await writeServerRecord(dataDir, driver.store, { ...record, users });
      return;
    }
    await stopRecorded(options, record);
  });
}

async function stopRecorded({ dataDir, driver, log }: OpenOptions, record: ServerRecord): Promise<void> {
  if (record.server !== null) await stopProcess(record.server, driver.stopSignals);
  await writeServerRecord(dataDir, driver.store, { ...record, server: null, users: [] });
  log.event("embedded.stopped", { store: driver.store, pid: record.server?.pid });
}

/** Looks every second whether the server runs and starts it again when it does not, with growing pauses while that fails. */
async function watch(options: OpenOptions, handle: Handle, signal: AbortSignal): Promise<void> {
  const { dataDir, driver, log } = options;
  let pauseMs: number = storeLimits.watchEveryMs;
  while (await pause(pauseMs, signal)) {
    try {
      const record = await readServerRecord(dataDir, driver.store);
      if (record === undefined || (await serverRuns(record))) {
        handle.known = record ?? handle.known;
        pauseMs = storeLimits.watchEveryMs;
        continue;
      }
      log.event("embedded.died", { store: driver.store, pid: record.server?.pid });
      if (!(await withDataDirLock(dataDir, () => startAgain(options, handle.token)))) return;
      pauseMs = storeLimits.watchEveryMs;
    } catch (error) {
      log.event("embedded.died", { store: driver.store, restart_error: faultOf(error) });
      pauseMs = Math.min(pauseMs * 2, storeLimits.watchRetryMaxMs);
    }
  }
}

/** False when this process is no longer registered: the server was stopped on purpose and must rest. */
async function startAgain({ dataDir, driver, log }: OpenOptions, token: string): Promise<boolean> {
  const record = await readServerRecord(dataDir, driver.store);
  if (record === undefined || !record.users.some((user) => user.token === token)) return false;
  // Another process was faster; its start is ours.
  if (await serverRuns(record)) return true;
  const started = { ...(await driver.start(record)), users: await runningUsers(record) };
  await writeServerRecord(dataDir, driver.store, started);
  log.event("embedded.started", { store: driver.store, pid: started.server.pid, port: started.port });
  return true;
}

const serverRuns = async (record: ServerRecord): Promise<boolean> =>
  record.server !== null && (await isRunning(record.server));

async function runningUsers(record: ServerRecord | undefined): Promise<ServerRecord["users"]> {
  const users = record?.users ?? [];
  const running = await Promise.all(users.map((user) => isRunning(user)));
  return users.filter((_, index) => running[index]);
}

/** Stops a server that runs in `directory` by a pid file though no record knows it, so that it can be started afresh. */
export async function stopUnrecorded(
  pid: number,
  directory: string,
  signals: ServerDriver["stopSignals"],
): Promise<void> {
  const server = await identityOf(pid);
  // A pid file outlives its process; the number may belong to a stranger by now.
  if (server !== undefined && (await worksIn(pid, directory))) await stopProcess(server, signals);
}

async function stopProcess(server: ProcessIdentity, signals: ServerDriver["stopSignals"]): Promise<void> {
  for (const signal of signals) {
    if (!(await isRunning(server))) return;
    signalProcess(server.pid, signal);
    const deadline = performance.now() + storeLimits.serverStopMs;
    while ((await isRunning(server)) && performance.now() < deadline) await delay(storeLimits.pollEveryMs);
  }
  if (await isRunning(server)) {
    throw new ServiceError("embedded_failed", { detail: `process ${server.pid} does not stop` });
  }
}

/** Sends a signal to a process that may have ended a moment ago. */
function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error;
  }
}

/** True after the pause, false when it was ended. Does not keep the process alive. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal, ref: false });
    return true;
  } catch {
    return false;
  }
}

/** What may stand in a log about a fault: detail here names files, ports and pids of ours, never content. */
const faultOf = (error: unknown): string =>
  error instanceof ServiceError ? (error.detail ?? error.code) : String(error);
