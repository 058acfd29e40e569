import { expect, test } from "vitest";
import { oneOfEach, standingOf } from "../../src/domain/refused-models.ts";

const at = (seconds: number): Date => new Date(seconds * 1_000);

test("a refused model waits, and is due for a try when its time since the last refusal or try is over", () => {
  const refused = new Map([
    ["young", { refusedAt: at(100), triedAt: at(100) }],
    ["old", { refusedAt: at(10), triedAt: at(10) }],
    ["tried", { refusedAt: at(10), triedAt: at(90) }],
  ]);
  const { held, probing } = standingOf(refused, at(120), 60_000);
  expect([...held]).toEqual(["young", "tried"]);
  expect([...probing]).toEqual(["old"]);
});

test("of a model that is tried one row is taken, of the others all", () => {
  const rows = ["a", "b", "a", "c", "b", "c"].map((model, n) => ({ model, n }));
  expect(oneOfEach(rows, new Set(["a", "c"])).map(({ n }) => n)).toEqual([0, 1, 3, 4]);
  expect(oneOfEach(rows, new Set())).toEqual(rows);
});
