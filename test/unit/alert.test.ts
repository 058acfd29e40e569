// What alerts say and when the path counts as broken.
import fc from "fast-check";
import { expect, test } from "vitest";
import { limits } from "../../src/config/limits.ts";
import {
  alertKinds,
  alertPathWorks,
  alertPauseMs,
  alertScopes,
  nextStepOf,
  severityOf,
  titleOf,
  type AlertFacts,
} from "../../src/domain/alert.ts";

const facts: AlertFacts = {
  kind: "budget_spent",
  scope: "queue",
  targetName: "tickets",
  percent: 80,
  reason: "",
  budget: {
    limitNano: 5_000_000_000n,
    spentNano: 4_000_000_000n,
    heldNano: 1n,
    windowStartsAt: new Date(0),
    windowEndsAt: new Date(1),
  },
};

test.each([
  [50, "info"],
  [80, "warning"],
  [95, "warning"],
  [100, "critical"],
] as const)("%d %% of a budget is %s", (percent, severity) => {
  expect(severityOf({ kind: "budget_spent", percent })).toBe(severity);
});

test("a title names what it is about and the money", () => {
  expect(titleOf(facts)).toBe("The budget of queue tickets has spent 80 % of $5.00.");
  expect(titleOf({ ...facts, kind: "budget_committed", scope: "global", targetName: "" })).toBe(
    "The budget of the installation is full: what is spent and held leaves no room under $5.00.",
  );
});

test("whoever has to lift a pause is told the command that does it", () => {
  expect(nextStepOf({ ...facts, kind: "breaker_tripped" })).toContain("sluice resume tickets");
  expect(nextStepOf({ ...facts, kind: "overrun" })).toContain("sluice resume tickets");
  expect(nextStepOf({ ...facts, kind: "breaker_tripped", scope: "tenant", targetName: "acme" })).toContain(
    "sluice tenant resume acme",
  );
});

test("a next step fits a line of the log whole, also with the longest name", () => {
  const targetName = "q".repeat(63);
  for (const kind of alertKinds)
    for (const scope of alertScopes)
      expect(nextStepOf({ ...facts, kind, scope, targetName }).length).toBeLessThanOrEqual(
        limits.logFieldCharsMax,
      );
});

test("pauses between tries grow to their cap and never leave its quarter", () => {
  const retries = { baseMs: 2_000, capMs: 900_000 };
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (tries, chance) => {
        const pauseMs = alertPauseMs(retries, tries, chance);
        expect(pauseMs).toBeGreaterThanOrEqual(Math.min(900_000, 2_000 * 2 ** Math.min(tries - 1, 20)));
        expect(pauseMs).toBeLessThanOrEqual(900_000 * 1.25);
      },
    ),
  );
  expect([1, 2, 3].map((tries) => alertPauseMs(retries, tries, 0))).toEqual([2_000, 4_000, 8_000]);
});

test("the path is broken by failures in a row or by an alert that waits too long, and by nothing else", () => {
  const now = new Date("2026-11-25T12:00:00Z");
  const ago = (ms: number): Date => new Date(now.getTime() - ms);
  const bounds = { failuresMax: 3, waitMaxMs: 1_000 };
  const works = (failuresInRow: number, oldestPendingAt: Date | null): boolean =>
    alertPathWorks({ failuresInRow, oldestPendingAt }, now, bounds);
  expect(works(0, null)).toBe(true);
  expect(works(2, ago(999))).toBe(true);
  expect(works(3, null)).toBe(false);
  expect(works(0, ago(1_000))).toBe(false);
});
