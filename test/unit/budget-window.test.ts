import { expect, test } from "vitest";
import { windowAt } from "../../src/domain/budget-window.ts";

const made = new Date("2026-01-01T00:00:00Z");
const hours = (kind: "day" | "month", zone: string, at: string): number => {
  const { startsAt, endsAt } = windowAt(kind, zone, new Date(at), made);
  return (endsAt.getTime() - startsAt.getTime()) / 3_600_000;
};

test("a day has 23 hours when the clocks go forward and 25 when they go back", () => {
  expect(hours("day", "Europe/Warsaw", "2026-03-29T12:00:00Z")).toBe(23);
  expect(hours("day", "Europe/Warsaw", "2026-10-25T12:00:00Z")).toBe(25);
  expect(hours("day", "UTC", "2026-10-25T12:00:00Z")).toBe(24);
});

test("the last instant of a month belongs to it and the next one to the next month, in the budget's own zone", () => {
  const before = windowAt("month", "America/New_York", new Date("2026-03-01T04:59:59.999Z"), made);
  const after = windowAt("month", "America/New_York", new Date("2026-03-01T05:00:00.000Z"), made);
  expect(before.startsAt.toISOString()).toBe("2026-02-01T05:00:00.000Z");
  expect(before.endsAt).toEqual(after.startsAt);
});

test("windows tile the year: each begins where the one before ends", () => {
  for (const zone of ["UTC", "Europe/Warsaw", "Asia/Kathmandu", "America/Sao_Paulo"]) {
    let at = new Date("2026-01-01T12:00:00Z");
    for (let day = 0; day < 400; day += 1) {
      const { endsAt } = windowAt("day", zone, at, made);
      expect(windowAt("day", zone, endsAt, made).startsAt).toEqual(endsAt);
      at = endsAt;
    }
  }
});

test("a total window begins with its budget and never ends", () => {
  const { startsAt, endsAt } = windowAt("total", "UTC", new Date("2026-05-01T00:00:00Z"), made);
  expect(startsAt).toEqual(made);
  expect(endsAt.getUTCFullYear()).toBe(9_999);
});
