import { expect, test } from "vitest";
import { isForbidden, refusedLast, standingOf } from "../../src/domain/refused-models.ts";

const at = (seconds: number): Date => new Date(seconds * 1_000);

test("a refused model waits, and is due for a try when its time since the last refusal or try is over", () => {
  const refused = new Map([
    ["young", { refusedAt: at(100), triedAt: at(100), jobs: [] }],
    ["old", { refusedAt: at(10), triedAt: at(10), jobs: [] }],
    ["tried", { refusedAt: at(10), triedAt: at(90), jobs: [] }],
  ]);
  const { held, probing } = standingOf(refused, at(120), 60_000);
  expect([...held]).toEqual(["young", "tried"]);
  expect([...probing.keys()]).toEqual(["old"]);
});

test("jobs that were refused are tried behind those that were not, the last refused at the end", () => {
  const rows = ["a", "b", "c", "d"].map((id) => ({ id, model: id === "d" ? "other" : "m" }));
  const order = (probing: Map<string, string[]>): string =>
    refusedLast(rows, probing)
      .map(({ id }) => id)
      .join("");
  expect(order(new Map([["m", ["b", "a"]]]))).toBe("cdba");
  expect(order(new Map([["m", []]]))).toBe("abcd");
  expect(order(new Map())).toBe("abcd");
});

test("a refusal is the request's own the third time, its model having answered others in between", () => {
  expect([0, 1, 2, 3].map((times) => isForbidden(times))).toEqual([false, false, true, true]);
});
