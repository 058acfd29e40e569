import { expect, test } from "vitest";
import { standingOf } from "../../src/domain/refused-models.ts";

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
