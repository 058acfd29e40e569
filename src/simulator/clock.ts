/**
 * The simulator's own time. At rate 1 it runs with real time; `advance` and `set` jump it, and everything that waits
 * for an instant that the jump passed happens at once, in order. Latencies, refills, batch ends, expiry and
 * archiving all read this clock, so a test can live through 29 days without waiting.
 *
 * Time never runs backwards: setting it to the past is refused.
 */
import { performance } from "node:perf_hooks";

interface Alarm {
  readonly dueMs: number;
  readonly run: () => void;
  canceled: boolean;
}

/** setTimeout treats a longer delay as 1 ms, so far-off alarms are armed again in steps of this length. */
const realDelayMsMax = 2_000_000_000;

export class VirtualClock {
  #baseMs: number;
  #anchorMs = performance.now();
  #rate: number;
  #alarms: Alarm[] = [];
  #timer: NodeJS.Timeout | undefined;
  #armedForMs = Number.POSITIVE_INFINITY;

  constructor(startMs: number, rate: number) {
    this.#baseMs = startMs;
    this.#rate = rate;
  }

  /** Epoch milliseconds, whole. */
  now(): number {
    return Math.floor(this.#exact());
  }

  iso(): string {
    return new Date(this.now()).toISOString();
  }

  get rate(): number {
    return this.#rate;
  }

  /** Virtual milliseconds per real millisecond; 0 freezes the clock. */
  setRate(rate: number): void {
    this.#rebase(this.#exact());
    this.#rate = rate;
    this.#rearm();
  }

  advance(byMs: number): void {
    this.set(this.#exact() + byMs);
  }

  /** Jumps to an instant; false when it lies in the past. */
  set(toMs: number): boolean {
    if (toMs < this.#exact()) return false;
    this.#rebase(toMs);
    this.#ring();
    return true;
  }

  /** Calls `run` once the clock has reached `dueMs`. Returns a function that calls it off. */
  at(dueMs: number, run: () => void): () => void {
    const alarm: Alarm = { dueMs, run, canceled: false };
    let low = 0;
    let high = this.#alarms.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#alarms[middle]?.dueMs ?? 0) <= dueMs) low = middle + 1;
      else high = middle;
    }
    this.#alarms.splice(low, 0, alarm);
    if (dueMs < this.#armedForMs) this.#rearm();
    return () => {
      alarm.canceled = true;
    };
  }

  /** Resolves when `forMs` of virtual time have passed; immediately for zero. */
  wait(forMs: number): Promise<void> {
    if (forMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.at(this.#exact() + forMs, resolve);
    });
  }

  /** Drops every alarm; what waits on them stays waiting. Only for shutting down. */
  stop(): void {
    this.#alarms = [];
    clearTimeout(this.#timer);
    this.#armedForMs = Number.POSITIVE_INFINITY;
  }

  #exact(): number {
    return this.#baseMs + (performance.now() - this.#anchorMs) * this.#rate;
  }

  #rebase(nowMs: number): void {
    this.#baseMs = nowMs;
    this.#anchorMs = performance.now();
  }

  #ring(): void {
    const nowMs = this.#exact();
    let count = 0;
    while (count < this.#alarms.length && (this.#alarms[count]?.dueMs ?? 0) <= nowMs) count += 1;
    const due = this.#alarms.splice(0, count);
    for (const alarm of due) if (!alarm.canceled) alarm.run();
    this.#rearm();
  }

  #rearm(): void {
    clearTimeout(this.#timer);
    const next = this.#alarms[0];
    if (next === undefined || this.#rate <= 0) {
      this.#armedForMs = Number.POSITIVE_INFINITY;
      return;
    }
    this.#armedForMs = next.dueMs;
    const delayMs = Math.min(realDelayMsMax, Math.max(0, (next.dueMs - this.#exact()) / this.#rate));
    this.#timer = setTimeout(() => {
      this.#ring();
    }, Math.ceil(delayMs));
  }
}
