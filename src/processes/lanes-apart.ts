// The lanes in a process of their own, beside the API in this one.
//
// Rendering requests and settling results keep a processor busy for as long as there is work, and an API in the same event loop
// would answer in the gaps. So a process that was given the API and a lane keeps the API and hands the rest to a second process: the
// same program with other roles, which finds the same stores. What they share is in the database, as between any two processes.
//
// Dying: a lane process that ends unasked is started again, with growing pauses; what it had in flight is booked by the reaper.
// When this process dies, however, the other sees its channel close and drains.

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { ServiceError } from "../domain/errors.ts";
import type { Log } from "../observe/log.ts";
import { startService } from "./service.ts";
import type { Service } from "./service.ts";

/** What the lane process says to the one that started it. */
export type LaneMessage = { ready: true } | { aborted: number };

/** Two folders up from the sources, three from the build. */
const program = ["../../bin/sluice.js", "../../../bin/sluice.js"]
  .map((path) => join(import.meta.dirname, path))
  .find((path) => existsSync(path));

/** The roles that move to a process of their own: none where there is no API, or no lane beside it. */
function rolesApart(roles: Config["roles"]): Config["roles"] {
  const lanes = roles.filter((role) => role !== "api");
  const works = lanes.includes("worker") || lanes.includes("batcher");
  return works && lanes.length < roles.length ? lanes : [];
}

export interface ServiceWithLanes extends Service {
  /** All processes of this service now, this one included. */
  pids(): number[];
}

/** As `startService`, with the lanes in a process of their own where this one has the API. */
export async function startWithLanesApart(config: Config, log: Log): Promise<ServiceWithLanes> {
  const apart = rolesApart(config.roles);
  const here = { ...config, roles: config.roles.filter((role) => !apart.includes(role)) };
  // First this one: it makes what the database needs, and starts the stores that both share.
  const service = await startService(here, log);
  if (apart.length === 0) return { ...service, pids: () => [process.pid] };
  try {
    const lanes = await LanesProcess.start({ roles: apart, drainTimeoutMs: config.drainTimeoutMs, log });
    return {
      ...service,
      pids: () => [process.pid, ...lanes.pids()],
      close: async () => {
        const [own, theirs] = await Promise.all([service.close(), lanes.close()]);
        return { aborted: own.aborted + theirs.aborted };
      },
    };
  } catch (error) {
    await service.close();
    throw error;
  }
}

interface LanesOptions {
  readonly roles: Config["roles"];
  readonly drainTimeoutMs: number;
  readonly log: Log;
}

class LanesProcess {
  readonly #options: LanesOptions;
  readonly #closing = new AbortController();
  #child: ChildProcess | undefined;
  #aborted = 0;
  #kept: Promise<void> = Promise.resolve();

  static async start(options: LanesOptions): Promise<LanesProcess> {
    const lanes = new LanesProcess(options);
    const child = lanes.#spawn();
    await lanes.#ready(child);
    lanes.#kept = lanes.#keep(child);
    return lanes;
  }

  private constructor(options: LanesOptions) {
    this.#options = options;
  }

  pids(): number[] {
    const pid = this.#child?.pid;
    return pid === undefined ? [] : [pid];
  }

  /** Drains it. One that does not end in time is killed: its leases end, and the reaper books what it had in flight. */
  async close(): Promise<{ aborted: number }> {
    this.#closing.abort();
    const child = this.#child;
    child?.kill("SIGTERM");
    const { drainTimeoutMs } = this.#options;
    const overdue = setTimeout(
      () => child?.kill("SIGKILL"),
      drainTimeoutMs + limits.drainRecordMs + limits.lanesGoodbyeMs,
    );
    await this.#kept;
    clearTimeout(overdue);
    return { aborted: this.#aborted };
  }

  #spawn(): ChildProcess {
    if (program === undefined) throw new Error("bin/sluice.js is missing");
    const child = fork(program, ["start", "--attached", "--roles", this.#options.roles.join(",")], {
      // Its output goes where ours goes; our loader's flags are not for it, it brings its own.
      stdio: "inherit",
      execArgv: [],
    });
    child.on("message", (message: LaneMessage) => {
      if ("aborted" in message) this.#aborted = message.aborted;
    });
    this.#child = child;
    return child;
  }

  /** Resolves when it works. @throws ServiceError lanes_failed */
  async #ready(child: ChildProcess): Promise<void> {
    const answered = new AbortController();
    const { signal } = answered;
    try {
      const first = await Promise.race([
        once(child, "message", { signal }).then(() => "ready" as const),
        once(child, "exit", { signal }).then(() => "ended" as const),
        sleep(limits.lanesStartMs, "late" as const, { signal, ref: false }),
      ]);
      if (first === "ready") return;
      child.kill("SIGKILL");
      throw new ServiceError("lanes_failed");
    } finally {
      answered.abort();
    }
  }

  /** Starts it again whenever it ends unasked. */
  async #keep(first: ChildProcess): Promise<void> {
    let child = first;
    let pauseMs: number = limits.lanesRestartMinMs;
    const { signal } = this.#closing;
    // oxlint-disable no-await-in-loop -- one life after the other
    for (;;) {
      const startedAtMs = performance.now();
      await ended(child);
      this.#child = undefined;
      if (signal.aborted) return;
      this.#options.log.event("process.lanes_ended", { code: child.exitCode, signal: child.signalCode });
      if (performance.now() - startedAtMs > limits.lanesRestartMaxMs) pauseMs = limits.lanesRestartMinMs;
      const waited = await sleep(pauseMs, true, { signal, ref: false }).catch(() => false);
      if (!waited) return;
      pauseMs = Math.min(pauseMs * 2, limits.lanesRestartMaxMs);
      child = this.#spawn();
    }
    // oxlint-enable no-await-in-loop
  }
}

/** Resolves at its end, also when that is over; one that could not be spawned has ended too. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await once(child, "exit").catch(() => undefined);
}
