// What has to hold of the schedules themselves, without running them.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { flagScopes, stopModes } from "../../src/domain/flag.ts";
import { points } from "../../src/observe/points.ts";
import { patchedTexts } from "./edition.ts";
import { plants } from "./plants.ts";
import { scheduleOf } from "./schedule.ts";
import { createVisibilityMs, freezeMs, timerPatches } from "./timers.ts";

const seeds = Array.from({ length: 300 }, (_, at) => at + 1);
const root = join(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

test("the same seed is the same schedule", () => {
  for (const seed of seeds) expect(scheduleOf(seed)).toEqual(scheduleOf(seed));
});

test("300 seeds aim at every named point often enough to hit it ten times", () => {
  const aimed = new Map<string, number>();
  for (const seed of seeds)
    for (const fault of scheduleOf(seed).faults)
      if (fault.kind === "point") aimed.set(fault.point, (aimed.get(fault.point) ?? 0) + 1);
  for (const point of Object.keys(points))
    expect([point, (aimed.get(point) ?? 0) >= 15]).toEqual([point, true]);
});

test("each schedule has three to ten faults, 60 to 280 lines over both lanes, and processes for all roles", () => {
  for (const seed of seeds) {
    const { faults, bulks, processes } = scheduleOf(seed);
    expect(faults.length).toBeGreaterThanOrEqual(3);
    expect(faults.length).toBeLessThanOrEqual(10);
    const lines = bulks.reduce((sum, bulk) => sum + bulk.lines, 0);
    expect(lines).toBeGreaterThanOrEqual(50);
    expect(lines).toBeLessThanOrEqual(280);
    expect(new Set(bulks.map(({ urgency }) => urgency)).size).toBe(2);
    expect(new Set(processes.flatMap(({ roles }) => roles.split(",")))).toEqual(
      new Set(["api", "dispatcher", "worker", "batcher"]),
    );
  }
});

test("300 seeds stop every scope in every mode, by both ways, before and after it is complete, and kill PostgreSQL forty times", () => {
  const schedules = seeds.map(scheduleOf);
  const stops = schedules.flatMap(({ stop }) => (stop === null ? [] : [stop]));
  for (const scope of flagScopes)
    for (const mode of stopModes)
      expect([
        scope,
        mode,
        stops.filter((stop) => stop.scope === scope && stop.mode === mode).length > 3,
      ]).toEqual([scope, mode, true]);
  for (const by of ["api", "command"])
    expect(stops.filter((stop) => stop.by === by).length).toBeGreaterThan(25);
  expect(stops.filter(({ blow }) => blow?.blow === "freeze").length).toBeGreaterThan(15);
  expect(stops.filter(({ liftedAfterMs }) => liftedAfterMs === null).length).toBeGreaterThan(50);
  const crashes = schedules.filter(({ faults }) =>
    faults.some((fault) => fault.kind === "postgres" && (fault.how === "kill" || fault.how === "quit")),
  );
  expect(crashes.length).toBeGreaterThanOrEqual(40);
});

test("the provider lists a batch within the visibility that the product counts on, after the longest freeze too", () => {
  for (const seed of seeds)
    expect(scheduleOf(seed).provider.listLagMs + freezeMs).toBeLessThan(createVisibilityMs);
});

test("every timer and every plant finds its place in the sources", () => {
  expect(timerPatches(read).length).toBeGreaterThan(20);
  for (const { patches } of Object.values(plants)) expect(patchedTexts(patches).size).toBeGreaterThan(0);
});

test("the program itself can neither be struck nor hold a plant", () => {
  expect(read("src/observe/points.ts")).toMatch(
    /export function reach\(_point: Point\): void \{\n {2}\/\/ [^\n]*\n\}/,
  );
  expect(read("src/config/settings.ts")).not.toMatch(/TORTURE/);
});
