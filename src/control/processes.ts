// The life of this process in the table of processes.
//
//   register ─▶ alive ──(lease renewed every quarter)──▶ ended
//                 │  ▲
//      reaped ────┘  └── registered again, under a new id
//
// One lease covers everything the process has in flight. When it ends without renewal, the reaper books the open calls at their
// worst case and sends their jobs back. A process that finds itself reaped (it was frozen, or cut off) is not allowed to go on
// under the old id: what it still has in flight is late, and may only correct the books. It registers anew and starts afresh.
//
// Order at start, so that a stop sees every process or is seen by it: the row first, then LISTEN, then the flags.
import { setTimeout as sleep } from "node:timers/promises";
import { hostname } from "node:os";
import { ownWorldIdentity } from "../config/data-dir/process-identity.ts";
import { limits } from "../config/limits.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";
import type { Listener } from "../postgres/listener.ts";
import { endProcess, insertProcess, renewProcess } from "../postgres/processes.ts";

interface ProcessOptions {
  readonly listener: Pick<Listener, "run" | "onReconnect">;
  readonly newId: () => string;
  readonly roles: readonly string[];
  /** Realtime calls at once that this process is set up for; 0 without the worker role. */
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly log: Log;
}

/** Called when this process was declared dead and lives on under a new id. What runs under the old one is late. */
type OnReaped = (oldId: string, newId: string) => void;

export class ProcessLife {
  readonly #options: ProcessOptions;
  readonly #reaped = new Set<OnReaped>();
  #id = "";
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #ended = false;
  #forgetReconnect = (): void => undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  /** The id this process acts under now; it changes when the process was reaped. */
  get id(): string {
    return this.#id;
  }

  onReaped(fn: OnReaped): () => void {
    this.#reaped.add(fn);
    return () => this.#reaped.delete(fn);
  }

  /** Registers and keeps the lease. The listener must be connected. @throws ServiceError database_unavailable */
  async start(): Promise<void> {
    await this.#register(null);
    this.#schedule();
    this.#forgetReconnect = this.#options.listener.onReconnect(() => void this.#renewNow());
  }

  /**
   * Says goodbye; call it when nothing is in flight any more. The control connection may be lost just now and is made anew by itself, so
   * it is tried for a moment; a goodbye that is not heard is replaced by the reaper.
   */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#forgetReconnect();
    await this.#round;
    for (let tryNo = 1; ; tryNo += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      if ((await this.#sayGoodbye()) || tryNo >= limits.goodbyeTriesMax) return;
      // oxlint-disable-next-line no-await-in-loop -- as above
      await sleep(limits.goodbyeRetryMs);
    }
  }

  #sayGoodbye(): Promise<boolean> {
    return this.#options.listener
      .run((client) => endProcess(client, this.#id))
      .then(
        () => true,
        () => false,
      );
  }

  async #register(oldId: string | null): Promise<void> {
    const { listener, newId, roles, concurrency, leaseMs } = this.#options;
    const id = newId();
    const identity = await ownWorldIdentity();
    const row = { id, host: hostname(), pid: process.pid, roles, concurrency, leaseMs, oldId, identity };
    await listener.run((client) => insertProcess(client, row));
    this.#id = id;
  }

  #schedule(): void {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#renewNow(), this.#options.leaseMs / limits.heartbeatsPerLease);
    this.#timer.unref();
  }

  #renewNow(): Promise<void> {
    this.#round = this.#round.then(() => this.#renew()).finally(() => this.#schedule());
    return this.#round;
  }

  async #renew(): Promise<void> {
    if (this.#ended) return;
    const { listener, leaseMs, log } = this.#options;
    try {
      if (await listener.run((client) => renewProcess(client, this.#id, leaseMs))) return;
      const oldId = this.#id;
      await this.#register(oldId);
      log.event("process.reaped", { process: oldId, again_as: this.#id });
      for (const tell of this.#reaped) tell(oldId, this.#id);
    } catch (error) {
      // The next beat tries again. Meanwhile the permission runs out by itself and nothing starts.
      log.event("sweep.failed", { sweep: "process-lease", ...errorFields(error) });
    }
  }
}
