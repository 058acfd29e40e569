import { expect, test } from "vitest";
import { FullLabels } from "../../src/domain/full-labels.ts";

const full = { tenantId: "t", label: '{"team":"poor"}' };

test("a label is left out for its rest, and counted as news once", () => {
  const labels = new FullLabels(5_000);
  expect(labels.add([full, full], 0)).toBe(true);
  expect(labels.add([full], 1_000)).toBe(false);
  expect(labels.now(4_999)).toMatchObject([full]);
  expect(labels.now(5_000)).toEqual([]);
  expect(labels.add([full], 5_001)).toBe(true);
});

test("a bulk that has nothing else rests as well, longer where looking at it was slow, and a raise ends that", () => {
  const labels = new FullLabels(5_000);
  labels.exhaust(["quick"], 0, 10);
  labels.exhaust(["slow"], 0, 2_000);
  expect(["quick", "slow", "other"].map((id) => labels.isExhausted(id, 5_000))).toEqual([false, true, false]);
  labels.forget();
  expect(labels.isExhausted("slow", 5_000)).toBe(false);
});
