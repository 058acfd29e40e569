// The line that the drills end with, and what is aimed at.

import { quantile } from "../median.ts";

export interface StopFigures {
  readonly drills: number;
  readonly last_start_ms_p50: number | null;
  readonly last_start_ms_p95: number | null;
  readonly last_start_ms_max: number | null;
  readonly frozen_last_start_ms_max: number | null;
  readonly aborted: number;
  readonly batches_cancelled: number;
}

interface CountedDrill {
  readonly frozen: boolean;
  readonly lastStartMs: number;
  readonly aborted: number;
  /** Since the first drill. */
  readonly batchesCanceled: number;
}

/** The permission of three seconds, and one more. */
const frozenMaxMs = 4_000;

/** Spreads the drills with a frozen process evenly. */
export const isFrozen = (index: number, drills: number, frozen: number): boolean =>
  Math.floor(((index + 1) * frozen) / drills) > Math.floor((index * frozen) / drills);

/** The first three over the drills without a frozen process; null where there was none. */
export function stopFigures(ends: readonly CountedDrill[]): StopFigures {
  const times = ends.filter((end) => !end.frozen).map(({ lastStartMs }) => lastStartMs);
  const frozen = ends.filter((end) => end.frozen).map(({ lastStartMs }) => lastStartMs);
  const part = (share: number): number | null => (times.length === 0 ? null : quantile(times, share));
  return {
    drills: ends.length,
    last_start_ms_p50: part(0.5),
    last_start_ms_p95: part(0.95),
    last_start_ms_max: times.length === 0 ? null : Math.max(...times),
    frozen_last_start_ms_max: frozen.length === 0 ? null : Math.max(...frozen),
    aborted: ends.reduce((sum, end) => sum + end.aborted, 0),
    batches_cancelled: ends.at(-1)?.batchesCanceled ?? 0,
  };
}

/** Figures that miss their target, in words. */
export function stopMisses(figures: StopFigures): string[] {
  const targets = [
    ["last_start_ms_p95", 250],
    ["last_start_ms_max", 1_000],
    ["frozen_last_start_ms_max", frozenMaxMs],
  ] as const;
  return targets.flatMap(([name, atMost]) => {
    const value = figures[name];
    return value === null || value <= atMost ? [] : [`${name} is ${value}, above ${atMost}`];
  });
}
