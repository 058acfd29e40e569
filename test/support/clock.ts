// A clock that stands still until a test moves it.
import type { Clock } from "../../src/domain/clock.ts";

export class ManualClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;

  constructor(start: Date | string = "2026-01-01T00:00:00Z") {
    this.#nowMs = new Date(start).getTime();
  }

  now(): Date {
    return new Date(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Time passes: both clocks move by so many milliseconds. */
  advanceMs(ms: number): void {
    this.#nowMs += ms;
    this.#monotonicMs += ms;
  }

  /** The wall clock jumps, forwards or backwards, as by a correction from outside; no time has passed. */
  setNow(instant: Date | string): void {
    this.#nowMs = new Date(instant).getTime();
  }
}
