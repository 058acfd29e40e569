import fc from "fast-check";
import { expect, test } from "vitest";
import { newId } from "../../src/config/ids.ts";
import { createIdSource, idTime, isId } from "../../src/domain/ids.ts";

test("ids are 26 lower-case characters, and two of them fit into a custom_id", () => {
  expect(newId()).toMatch(/^[0-9a-z]{26}$/);
  expect(`${newId()}-${newId()}`.length).toBeLessThanOrEqual(64);
});

test("ids rise strictly, whatever the wall clock does", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(2 ** 40), { minLength: 2, maxLength: 50 }),
      fc.array(fc.double({ min: 0, max: 0.999 })),
      (times, chances) => {
        let time = 0;
        let draw = 0;
        const next = createIdSource(
          () => times[time++] ?? 0,
          () => chances[draw++] ?? 0.5,
        );
        const ids = times.map(() => next());
        expect(ids).toEqual(ids.toSorted());
        expect(new Set(ids).size).toBe(ids.length);
      },
    ),
  );
});

test("an id tells when it was made", () => {
  const at = Date.UTC(2026, 10, 21);
  expect(
    idTime(
      createIdSource(
        () => at,
        () => 0.25,
      )(),
    ),
  ).toEqual(new Date(at));
});

test("isId knows the form, so that garbage is never looked up", () => {
  expect(isId(newId())).toBe(true);
  for (const wrong of [
    "",
    "1",
    newId().toUpperCase(),
    `${newId()}0`,
    "../../etc/passwd",
    "0".repeat(25),
    "u".repeat(26),
  ]) {
    expect([wrong, isId(wrong)]).toEqual([wrong, false]);
  }
});

test("chance is drawn anew for every millisecond", () => {
  const ids = Array.from({ length: 10_000 }, () => newId());
  expect(new Set(ids).size).toBe(ids.length);
});
