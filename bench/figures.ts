// The line a backend ends with, and what is aimed at. Ratios and percentiles travel between machines; rates per second are those of
// the machine that ran them, and the targets are meant for two cores.

import type { Questions } from "./lines.ts";
import type { BenchBackend, BenchStores } from "./stores.ts";

/** What every part is given. */
export interface BenchContext {
  stores: BenchStores;
  backend: BenchBackend;
  questions: Questions;
  /** Progress, for people. */
  say(line: string): void;
}

export interface Figures {
  batch_jobs_per_s: number;
  realtime_ratio_0ms: number;
  realtime_ratio_200ms: number;
  upload_small_lines_per_s: number;
  upload_3kb_lines_per_s: number;
  rss_mb_max: number;
  status_p95_ms: number;
}

type Target = { atLeast: number } | { atMost: number };

const targets: Readonly<Record<keyof Figures, Target>> = {
  batch_jobs_per_s: { atLeast: 2_500 },
  realtime_ratio_0ms: { atLeast: 0.75 },
  realtime_ratio_200ms: { atLeast: 0.95 },
  upload_small_lines_per_s: { atLeast: 15_000 },
  upload_3kb_lines_per_s: { atLeast: 3_000 },
  rss_mb_max: { atMost: 400 },
  status_p95_ms: { atMost: 50 },
};

/** Figures that miss their target, in words. */
export function misses(figures: Partial<Figures>): string[] {
  return Object.entries(targets).flatMap(([name, target]) => {
    const value = figures[name as keyof Figures];
    if (value === undefined) return [];
    if ("atLeast" in target)
      return value >= target.atLeast ? [] : [`${name} is ${value}, below ${target.atLeast}`];
    return value <= target.atMost ? [] : [`${name} is ${value}, above ${target.atMost}`];
  });
}
