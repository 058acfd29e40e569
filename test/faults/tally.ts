// Adds up runs: the line of each, the results file that a later command goes on from, the table of points, the closing line.

import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { flagScopes } from "../../src/domain/flag.ts";
import { points } from "../../src/observe/points.ts";
import type { RunReport } from "./run.ts";

/** A run as the results file keeps it, one JSON object a line. */
export interface Result {
  readonly seed: number;
  readonly ms: number;
  readonly started_ms: number;
  readonly strikes: readonly {
    readonly point: string | null;
    readonly blow: string;
    readonly paid: boolean;
  }[];
  /** Points that its processes came by. */
  readonly reached: readonly string[];
  readonly stop: {
    readonly scope: string;
    readonly mode: string;
    readonly by: string;
    /** Null: lifted before it was complete. */
    readonly complete_after_ms: number | null;
  } | null;
  readonly objections: readonly string[];
  readonly overspend_nano: string;
  readonly lost: number;
  readonly paid_twice: number;
  readonly leaks: number;
}

export const resultOf = (report: RunReport): Result => ({
  seed: report.seed,
  ms: report.ms,
  started_ms: report.startedMs,
  strikes: report.strikes.map(({ point, blow, paid }) => ({ point, blow, paid })),
  reached: report.reached,
  stop: report.stop && {
    scope: report.stop.planned.scope,
    mode: report.stop.planned.mode,
    by: report.stop.planned.by,
    complete_after_ms: report.stop.completeAfterMs,
  },
  objections: report.objections,
  overspend_nano: String(report.overspendNano),
  lost: report.lost,
  paid_twice: report.paidTwice,
  leaks: report.leaks,
});

/** The results kept so far, or an empty file to begin with. */
export function openResults(file: string, append: boolean): Result[] {
  if (append && existsSync(file))
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Result);
  writeFileSync(file, "");
  return [];
}

export const keepResult = (file: string, result: Result): void =>
  appendFileSync(file, `${JSON.stringify(result)}\n`);

export function lineOf({ seed, ms, strikes, stop, objections }: Result): string {
  const blows = strikes.map(({ point, blow }) => `${blow} ${point ?? "at its time"}`);
  const where = [...blows, ...(stop === null ? [] : [`stop ${stop.scope} ${stop.mode}`])].join(", ");
  const verdict = objections.length === 0 ? "ok" : "OBJECTION";
  return `seed ${String(seed).padStart(4)}  ${verdict.padEnd(9)}  ${(ms / 1_000).toFixed(1).padStart(5)} s  ${where}`;
}

/**
 * Each point: runs that came by, how often it was struck, by which blow, and how often of these while paid work was in flight (an open
 * attempt: a call or a line that money is held for).
 */
export function tableOf(results: readonly Result[]): string {
  const strikes = results.flatMap((result) => result.strikes);
  const rows = [...Object.keys(points), null].map((point) => {
    const own = strikes.filter((strike) => strike.point === point);
    const kills = own.filter((strike) => strike.blow === "kill").length;
    const paid = own.filter((strike) => strike.paid).length;
    const runs = results.filter(({ reached }) => point !== null && reached.includes(point)).length;
    return [point ?? "(at a moment)", runs, own.length, kills, own.length - kills, paid] as const;
  });
  const head = ["point", "runs", "struck", "killed", "frozen", "paid"];
  return tabular([head, ...rows]);
}

/** Every named point is to be hit so often with paid work in flight over this many seeds. */
const hitsMin = 10;
const fullRun = 300;

/** Points that a full run has hit too seldom; of a shorter one nothing is asked. */
export function neglected(results: readonly Result[]): string[] {
  if (new Set(results.map(({ seed }) => seed)).size < fullRun) return [];
  const strikes = results.flatMap((result) => result.strikes);
  return Object.keys(points).filter(
    (point) => strikes.filter((strike) => strike.point === point && strike.paid).length < hitsMin,
  );
}

/** Stops by scope: how many, by the command, lifted before they were complete; and how long the others took to be. */
export function stopTableOf(results: readonly Result[]): string {
  const stops = results.flatMap(({ stop }) => (stop === null ? [] : [stop]));
  const rows = flagScopes.map((scope) => {
    const own = stops.filter((stop) => stop.scope === scope);
    const times = own
      .flatMap(({ complete_after_ms: ms }) => (ms === null ? [] : [ms]))
      .toSorted((a, b) => a - b);
    const byCommand = own.filter(({ by }) => by === "command").length;
    const half = times[times.length >> 1] ?? 0;
    return [`stop ${scope}`, own.length, byCommand, own.length - times.length, half, times.at(-1) ?? 0];
  });
  return tabular([["stops", "set", "command", "early", "half ms", "most ms"], ...rows]);
}

const tabular = (rows: readonly (readonly (string | number)[])[]): string =>
  rows
    .map(([name = "", ...cells]) =>
      [String(name).padEnd(24), ...cells.map((cell) => String(cell).padStart(8))].join(""),
    )
    .join("\n");

export interface Summary {
  readonly seeds: number;
  readonly runs: number;
  readonly kills: number;
  readonly overspend_usd: number;
  readonly lost: number;
  readonly paid_twice: number;
  readonly leaks: number;
}

/** The closing line of the command. */
export function summaryOf(results: readonly Result[]): Summary {
  const sum = (of: (result: Result) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  return {
    seeds: new Set(results.map(({ seed }) => seed)).size,
    runs: results.length,
    kills: sum(({ strikes }) => strikes.filter(({ blow }) => blow === "kill").length),
    overspend_usd: sum((result) => Number(result.overspend_nano) / 1e9),
    lost: sum(({ lost }) => lost),
    paid_twice: sum((result) => result.paid_twice),
    leaks: sum(({ leaks }) => leaks),
  };
}
