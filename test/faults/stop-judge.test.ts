// The judge of stops itself: a log with one start too many is objected to, and what could not be known is not.

import { expect, test } from "vitest";
import { forbiddenStarts, quietFromMs } from "./stop-judge.ts";
import type { Start, StopTimes } from "./stop-judge.ts";
import { permissionMs } from "./timers.ts";

const times: StopTimes = { toldMs: 1_000, completeMs: null, liftedMs: 9_000, freezes: [], lateMs: 0 };
const onItsWayMs = quietFromMs(times) - times.toldMs - permissionMs;
const at = (receivedMs: number, bulks: readonly number[] | null = [0]): Start => ({
  endpoint: "POST /v1/messages",
  receivedMs,
  requestId: `at-${receivedMs}`,
  bulks,
});
const forbidden = (starts: readonly Start[], more: Partial<StopTimes>, coversAll = false): number[] =>
  forbiddenStarts(starts, { ...times, ...more }, (bulk) => bulk === 0, coversAll).map(
    ({ receivedMs }) => receivedMs,
  );

test("once everybody's permission has ended nothing of the scope is received until it is lifted", () => {
  const lastMs = times.toldMs + permissionMs + onItsWayMs;
  expect(forbidden([at(lastMs - 1), at(lastMs), at(8_999), at(9_000)], {})).toEqual([lastMs, 8_999]);
});

test("when it is complete nothing is received any more, also within the permission and from one that was frozen", () => {
  const freezes = [{ fromMs: 900, untilMs: 3_000 }];
  const starts = [at(1_100 + onItsWayMs), at(3_100)];
  expect(forbidden(starts, { completeMs: 1_100, freezes })).toEqual([1_100 + onItsWayMs, 3_100]);
});

test("one that was frozen when it was set has its permission after it goes on, unless the stop was complete", () => {
  const freezes = [
    { fromMs: 900, untilMs: 3_000 },
    { fromMs: 3_100, untilMs: 5_200 },
  ];
  const lastMs = 5_200 + permissionMs + onItsWayMs;
  expect(forbidden([at(3_050), at(5_300), at(lastMs)], { freezes })).toEqual([lastMs]);
  // One that was frozen later had seen the stop.
  expect(forbidden([at(6_000)], { freezes: [{ fromMs: 2_000, untilMs: 6_100 }] })).toEqual([6_000]);
});

test("what others start is none of it, and what did not say whose it was counts where all is stopped", () => {
  const starts = [at(5_000, [1, 2]), at(5_001, [1, 0]), at(5_002, null)];
  expect(forbidden(starts, {})).toEqual([5_001]);
  expect(forbidden(starts, {}, true)).toEqual([5_000, 5_001, 5_002]);
});

test("what the network held back, or we were deaf to, was sent before", () => {
  const lastMs = times.toldMs + permissionMs + onItsWayMs;
  expect(forbidden([at(lastMs + 299)], { lateMs: 300 })).toEqual([]);
});
