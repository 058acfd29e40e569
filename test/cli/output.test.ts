// Tables that line up, whatever is in them.
import { expect, test } from "vitest";
import { instant, table } from "../../src/cli/output.ts";

test("columns line up under their headings, numbers to the right, absent values as a dash", () => {
  const text = table(
    ["NAME", "JOBS", "COST"],
    [
      ["tickets", 12, "$1.5"],
      ["a-much-longer-name", 1_000, null],
    ],
  );
  expect(text.split("\n")).toEqual([
    "NAME                JOBS  COST",
    "tickets               12  $1.5",
    "a-much-longer-name  1000     -",
  ]);
});

test("wide characters take two columns, and no line ends in spaces", () => {
  const lines = table(
    ["NAME", "STATE"],
    [
      ["切符", "open"],
      ["x", null],
    ],
  ).split("\n");
  expect(lines).toEqual(["NAME  STATE", "切符  open", "x     -"]);
});

test("a table without rows is its heading", () => {
  expect(table(["NAME", "STATE"], [])).toBe("NAME  STATE");
});

test("instants are shown in UTC to the second", () => {
  expect(instant("2026-11-21T06:40:12.345+02:00")).toBe("2026-11-21 04:40:12");
  expect(instant(null)).toBe("-");
});
