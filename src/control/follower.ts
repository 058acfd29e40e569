// What keeps the queue backend showing the truth: the follower of bulks and the mirror of pauses, in one process at a time.
// Neither is needed for any work to run; when the queue backend is away they fail quietly and catch up.
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";
import { LeaseKeeper } from "../postgres/leases.ts";
import type { Listener } from "../postgres/listener.ts";
import type { Database } from "../postgres/pool.ts";
import type { QueueBackend } from "../queue/backend.ts";
import { endsWithin } from "../queue/tally.ts";
import { BulkFollower } from "./bulk-follower.ts";
import type { Flags } from "./flags.ts";
import { PauseMirror } from "./pause-mirror.ts";

interface FollowerDeps {
  readonly database: Database;
  readonly backend: QueueBackend;
  readonly listener: Pick<Listener, "run" | "on">;
  readonly flags: Flags;
  /** Id of this holder of the lease. */
  readonly holder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Between two looks, and between two checks that entries and pauses are still as they should be. */
  readonly everyMs?: number;
  readonly checkMs?: number;
}

export class Follower {
  readonly #deps: FollowerDeps;
  readonly #checkMs: number;
  readonly #keeper: LeaseKeeper;
  readonly #bulks: BulkFollower;
  readonly #mirror: PauseMirror;
  readonly #stopped = new AbortController();
  readonly #forget: (() => void)[] = [];
  #loop: Promise<void> = Promise.resolve();
  #mirroredAtMs = Number.NEGATIVE_INFINITY;
  #holding = false;

  constructor(deps: FollowerDeps) {
    const { database, backend, flags, clock, log, listener, holder } = deps;
    this.#checkMs = deps.checkMs ?? limits.followerCheckMs;
    this.#deps = deps;
    const { signal } = this.#stopped;
    this.#bulks = new BulkFollower({
      database,
      backend,
      clock,
      gate: flags.gate,
      checkMs: this.#checkMs,
      signal,
    });
    this.#mirror = new PauseMirror({ database, backend, flags, clock, log, signal });
    this.#keeper = new LeaseKeeper({
      listener,
      name: "bulk-entries",
      holder,
      ttlMs: limits.singletonLeaseMs,
      clock,
      log,
    });
  }

  async start(): Promise<void> {
    const { listener, flags } = this.#deps;
    await this.#keeper.start();
    this.#forget.push(
      // Also a bulk that is over before the next look has an entry that wants to complete.
      listener.on("sluice_work", (queueId) => void this.#whileHolding(() => this.#bulks.follow(queueId))),
      flags.onChange(() => void this.#whileHolding(() => this.#mirror.apply())),
    );
    this.#loop = this.#run();
  }

  /**
   * Entries in hand go back to their queues. A look that waits for a queue backend that is away, command after command, is left behind:
   * it does nothing more, and no process stays alive for what is only shown.
   */
  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const forget of this.#forget) forget();
    await endsWithin(this.#loop, limits.followerLeaveMs);
    await endsWithin(this.#leave(), limits.followerLeaveMs);
    await this.#keeper.stop();
  }

  // oxlint-disable no-await-in-loop -- looks follow each other
  async #run(): Promise<void> {
    const { everyMs = limits.followerEveryMs } = this.#deps;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      if (this.#keeper.epoch() === undefined) await this.#leave();
      else await this.#whileHolding(() => this.#look());
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
  // oxlint-enable no-await-in-loop

  async #look(): Promise<void> {
    this.#holding = true;
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#mirroredAtMs >= this.#checkMs) {
      await this.#mirror.runOnce();
      this.#mirroredAtMs = nowMs;
    }
    await this.#bulks.runOnce();
  }

  async #whileHolding(act: () => Promise<unknown>): Promise<void> {
    if (this.#keeper.epoch() === undefined) return;
    try {
      await act();
    } catch (error) {
      this.#deps.log.event("sweep.failed", { sweep: "bulk-entries", ...errorFields(error) });
    }
  }

  async #leave(): Promise<void> {
    if (!this.#holding) return;
    this.#holding = false;
    this.#mirroredAtMs = Number.NEGATIVE_INFINITY;
    await Promise.all([this.#bulks.stop(), this.#mirror.stop()]);
  }
}
