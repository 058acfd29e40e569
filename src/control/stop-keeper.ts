// Follows the stops in force to their end: asks for the cancellation of message batches that come to light later (a creation that
// was answered after the stop, one in doubt that was found), and marks a stop complete when it is. Every process with upkeep runs
// one; all of it may be done by several at once. While nothing is stopped it costs nothing.
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../config/limits.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Flags } from "./flags.ts";
import { advanceStop, openStops, type StopDeps } from "./stops.ts";

interface KeeperDeps extends StopDeps {
  readonly flags: Pick<Flags, "open">;
}

export class StopKeeper {
  readonly #deps: KeeperDeps;
  readonly #stopped = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
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
    for (const { id, mode, completed_at: completedAt } of await openStops(this.#deps))
      // oxlint-disable-next-line no-await-in-loop -- few, and short
      if (completedAt === null || mode === "abort_and_cancel") await advanceStop(this.#deps, id);
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
