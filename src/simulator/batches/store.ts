/** All batches, and the background work that produces their lines in small slices so that requests are served in between. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { World } from "../world.ts";
import { waiting } from "./batch.ts";
import type { Batch } from "./batch.ts";
import { endOf, progress } from "./progress.ts";

/** Real milliseconds of one slice of background work. */
const sliceMs = 8;
/** A batch is looked at this many times in its life, but not more often than every 10 ms. */
const looksPerLife = 100;
const lookMsMin = 10;

export class BatchStore {
  readonly #batches = new Map<string, Batch>();
  readonly #active = new Set<Batch>();
  #closed = false;

  /** Newest first. */
  all(): readonly Batch[] {
    return [...this.#batches.values()].toReversed();
  }

  get(id: string): Batch | undefined {
    return this.#batches.get(id);
  }

  get nextNumber(): number {
    return this.#count + 1;
  }

  #count = 0;

  add(world: World, batch: Batch): void {
    this.#count += 1;
    this.#batches.set(batch.id, batch);
    this.#active.add(batch);
    this.#watch(world, batch);
  }

  remove(batch: Batch): void {
    this.#batches.delete(batch.id);
    this.#active.delete(batch);
    batch.lines.close();
    batch.rows.close();
  }

  /** Lines waiting in batches that have not ended, over all keys of the organisation. */
  queued(): number {
    let lines = 0;
    for (const batch of this.#active) lines += waiting(batch);
    return lines;
  }

  /** Brings every batch up to the clock, however long that takes. */
  async settle(world: World): Promise<void> {
    for (const batch of this.#active) {
      // oxlint-disable-next-line no-await-in-loop -- one batch after the other, giving way between slices
      while (!this.#closed && !progress(world, batch, sliceMs)) await nextTurn();
      if (batch.endedMs !== null) this.#active.delete(batch);
    }
  }

  close(): void {
    this.#closed = true;
    for (const batch of this.#batches.values()) {
      batch.lines.close();
      batch.rows.close();
    }
    this.#batches.clear();
    this.#active.clear();
  }

  /** Wakes for the batch when it is due again: at once while it lags, else as its life goes on. */
  #watch(world: World, batch: Batch): void {
    if (this.#closed || !this.#active.has(batch)) return;
    const done = progress(world, batch, sliceMs);
    if (batch.endedMs !== null) {
      this.#active.delete(batch);
      return;
    }
    if (!done) {
      setImmediate(() => {
        this.#watch(world, batch);
      });
      return;
    }
    const stepMs = Math.max(lookMsMin, batch.durationMs / looksPerLife);
    const now = world.clock.now();
    world.clock.at(Math.max(now + 1, Math.min(endOf(batch), now + stepMs)), () => {
      this.#watch(world, batch);
    });
  }
}
