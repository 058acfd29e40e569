// Each list that is part of the public contract has a table in docs/, and the two are the same, both ways.
import { expect, test } from "vitest";
import { docTables, tablesOf } from "../../scripts/doc-tables/tables.ts";

test.each(Object.keys(docTables))(
  "docs/%s has every member of its list, and no other (npm run docs)",
  (page) => {
    expect(tablesOf(page)).toEqual(docTables[page]);
  },
);

test("no table is empty", () => {
  const sizes = Object.values(docTables).flatMap((tables) => tables.map((rows) => rows.length));
  expect(sizes).toHaveLength(6);
  expect(Math.min(...sizes)).toBeGreaterThan(0);
});
