// Follows the stops in force to their end: asks for the cancellation of message batches that come to light later (a creation that
// was answered after the stop, one in doubt that was found), answers waiting jobs whose type has an answer for this, and marks a
// stop complete when it is. Every process with upkeep runs
// one; all of it may be done by several at once. While nothing is stopped it costs nothing.
import { setTimeout as sleep } from "node:timers/promises";
import type { JobTypes } from "../config/job-types.ts";
import { limits } from "../config/limits.ts";
import { errorFields } from "../observe/error-fields.ts";
import { answerWaiting } from "../postgres/stops.ts";
import type { Flags } from "./flags.ts";
import { advanceStop, openStops, type StopDeps } from "./stops.ts";

interface KeeperDeps extends StopDeps {
  readonly jobTypes: JobTypes;
  readonly flags: Pick<Flags, "open">;
}

export class StopKeeper {
  readonly #deps: KeeperDeps;
  readonly #stopped = new AbortController();
  /** What job types answer while they are stopped, as JSON; those that wait are not in it. */
  readonly #answers: ReadonlyMap<string, string>;
  #loop: Promise<void> = Promise.resolve();

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
    this.#answers = new Map(
      [...deps.jobTypes.values()].flatMap(({ name, stopAnswer }) =>
        stopAnswer === null ? [] : [[name, stopAnswer] as const],
      ),
    );
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }

  /** One look at every stop that still has something to do. */
  async runOnce(): Promise<void> {
    // oxlint-disable no-await-in-loop -- few, and short
    for (const { id, mode, completed_at: completedAt } of await openStops(this.#deps)) {
      if (completedAt === null || mode === "abort_and_cancel") await advanceStop(this.#deps, id);
      if (this.#answers.size > 0) await this.#answer(id);
    }
    // oxlint-enable no-await-in-loop
  }

  /** Chunk by chunk, so that no statement holds its locks for long; the next look goes on where this one ends. */
  async #answer(id: string): Promise<void> {
    const { database, log } = this.#deps;
    let answered = 0;
    for (let round = 0; round < limits.sweepRoundsMax; round += 1) {
      // oxlint-disable-next-line no-await-in-loop -- see above
      const now = await answerWaiting(database, id, this.#answers, limits.sweepRowsMax);
      answered += now;
      if (now < limits.sweepRowsMax) break;
    }
    if (answered > 0) log.event("stop.answered", { flag: id, jobs: answered });
  }

  // oxlint-disable no-await-in-loop -- looks follow each other
  async #run(): Promise<void> {
    const { flags, log } = this.#deps;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      if (flags.open.some(({ kind }) => kind === "stop"))
        await this.runOnce().catch((error: unknown) =>
          log.event("sweep.failed", { sweep: "stops", ...errorFields(error) }),
        );
      await sleep(limits.stopLookMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
  // oxlint-enable no-await-in-loop
}
