// What all upkeep has in common: a round that can be run at any time, by any number of processes, and a loop around it. A round
// that fails is logged once and tried again later; nothing is lost by that, since every round finds its work in the rows.
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../config/limits.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";

export interface Sweep {
  readonly name: string;
  readonly everyMs: number;
  /** One round: how many rows it moved. */
  runOnce(): Promise<number>;
}

interface SweepLoopOptions {
  readonly log: Log;
  /** Whether this process is the one that does upkeep now. */
  readonly mayRun: () => boolean;
}

export class SweepLoop {
  readonly #sweep: Sweep;
  readonly #options: SweepLoopOptions;
  readonly #stopped = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #woken = new AbortController();

  constructor(sweep: Sweep, options: SweepLoopOptions) {
    this.#sweep = sweep;
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run();
  }

  get name(): string {
    return this.#sweep.name;
  }

  /** Asks for a round now, or for another right after the one under way. */
  wake(): void {
    this.#woken.abort();
  }

  /** Resolves when the round under way has ended. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.wake();
    await this.#loop;
  }

  // oxlint-disable no-await-in-loop -- rounds follow each other
  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    const { name, everyMs } = this.#sweep;
    while (!signal.aborted) {
      // Before the round: what wakes it while it runs may have come too late for what it has read.
      this.#woken = new AbortController();
      if (this.#options.mayRun()) {
        try {
          await this.#sweep.runOnce();
        } catch (error) {
          this.#options.log.event("sweep.failed", { sweep: name, ...errorFields(error) });
        }
      }
      await sleep(everyMs, undefined, { signal: this.#woken.signal, ref: false }).catch(() => undefined);
    }
  }
  // oxlint-enable no-await-in-loop
}

/**
 * Repeats a chunk until it moves less than it could, or the bound of rounds is reached: the next round of the sweep goes on.
 * Answers the rows moved in all.
 */
export async function inChunks(chunk: () => Promise<number>, rowsMax: number): Promise<number> {
  let moved = 0;
  for (let round = 0; round < limits.sweepRoundsMax; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- short locks one after the other are the point
    const rows = await chunk();
    moved += rows;
    if (rows < rowsMax) break;
  }
  return moved;
}
