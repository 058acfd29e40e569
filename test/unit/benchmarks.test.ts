// What the benchmarks compute, and that their page explains every figure they print.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { misses } from "../../bench/figures.ts";
import type { Figures } from "../../bench/figures.ts";
import { cycled, longer } from "../../bench/lines.ts";
import { median, quantile } from "../../bench/median.ts";
import { isFrozen, stopFigures, stopMisses } from "../../bench/stop/figures.ts";

const good: Figures = {
  batch_jobs_per_s: 2_500,
  realtime_ratio_0ms: 0.75,
  realtime_ratio_200ms: 0.95,
  upload_small_lines_per_s: 15_000,
  upload_3kb_lines_per_s: 3_000,
  rss_mb_max: 400,
  status_p95_ms: 50,
};

test("the median is the middle, whatever the order; a percentile is reached by few", () => {
  expect(median([30, 10, 20])).toBe(20);
  expect(
    quantile(
      Array.from({ length: 100 }, (_, index) => index + 1),
      0.95,
    ),
  ).toBe(96);
  expect(quantile([7], 0.95)).toBe(7);
});

test("a figure at its target is no miss, one beyond it is, in the direction that is worse", () => {
  expect(misses(good)).toEqual([]);
  expect(misses({ ...good, batch_jobs_per_s: 2_499, status_p95_ms: 50.1 })).toEqual([
    "batch_jobs_per_s is 2499, below 2500",
    "status_p95_ms is 50.1, above 50",
  ]);
  expect(misses({ rss_mb_max: 401 })).toEqual(["rss_mb_max is 401, above 400"]);
});

test("docs/benchmarks.md explains every figure", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/benchmarks.md"), "utf8");
  for (const name of ["backend", ...Object.keys(good)]) expect(page).toContain(`\`${name}\``);
});

test("texts are cycled, and put together until they are long enough", () => {
  const questions = { texts: ["first question", "second"], labels: ["one"], describe: "two" };
  expect([0, 1, 2].map(cycled(questions))).toEqual(["first question", "second", "first question"]);
  const text = longer(questions, 40)(1);
  expect(text).toMatch(/^second first question second/);
  expect(text.length).toBeGreaterThan(35);
  expect(text.length).toBeLessThanOrEqual(40);
});

test("drills with a frozen process are spread evenly, counted apart, and judged by a limit of their own", () => {
  const frozenOf = (drills: number, frozen: number) =>
    Array.from({ length: drills }, (_, index) => isFrozen(index, drills, frozen));
  expect(frozenOf(100, 10).flatMap((frozen, index) => (frozen ? [index + 1] : []))).toEqual([
    10, 20, 30, 40, 50, 60, 70, 80, 90, 100,
  ]);
  expect(frozenOf(5, 0)).not.toContain(true);
  const ends = Array.from({ length: 100 }, (_, index) => ({
    frozen: isFrozen(index, 100, 10),
    lastStartMs: isFrozen(index, 100, 10) ? 3_000 : index,
    aborted: 200,
    batchesCanceled: index + 1,
  }));
  expect(stopFigures(ends)).toEqual({
    drills: 100,
    last_start_ms_p50: 50,
    last_start_ms_p95: 94,
    last_start_ms_max: 98,
    frozen_last_start_ms_max: 3_000,
    aborted: 20_000,
    batches_cancelled: 100,
  });
  expect(stopMisses(stopFigures(ends))).toEqual([]);
  expect(
    stopMisses({ ...stopFigures(ends), last_start_ms_p95: 251, frozen_last_start_ms_max: 4_001 }),
  ).toEqual(["last_start_ms_p95 is 251, above 250", "frozen_last_start_ms_max is 4001, above 4000"]);
});
