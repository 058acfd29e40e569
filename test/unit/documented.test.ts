// Each list that is part of the public contract has a table in docs/, and the two are the same, both ways.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig, effectiveSettings } from "../../src/config/config.ts";
import { scriptVariables } from "../../src/config/settings.ts";
import { errorCatalogue } from "../../src/domain/errors.ts";
import { events } from "../../src/observe/events.ts";

/** The rows of all tables of a page, without their headings. */
const tableRows = (page: string): string[] =>
  readFileSync(join(import.meta.dirname, "../../docs", page), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .toSorted();

const tableRow = (...cells: readonly string[]): string =>
  `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");

test("docs/errors.md lists every code with its status, retryability, title and hint, and no other", () => {
  const catalogue = Object.entries(errorCatalogue).map(([code, { status, retryable, title, hint }]) =>
    tableRow(`\`${code}\``, String(status), retryable ? "yes" : "no", title, hint),
  );
  expect(tableRows("errors.md")).toEqual(catalogue.toSorted());
});

test("docs/logging.md lists every event with its level and meaning, and no other", () => {
  const list = Object.entries(events).map(([name, { level, about }]) =>
    tableRow(`\`${name}\``, level, about),
  );
  expect(tableRows("logging.md")).toEqual(list.toSorted());
});

test("docs/configuration.md lists every setting with its default and meaning, and no other", () => {
  const settings = effectiveSettings(parseConfig({}), {}).map(({ name, value, about }) =>
    tableRow(`\`${name}\``, value === "(not set)" ? "" : `\`${value}\``, about),
  );
  const others = Object.entries(scriptVariables).map(([name, about]) => tableRow(`\`${name}\``, about));
  expect(tableRows("configuration.md")).toEqual([...settings, ...others].toSorted());
});
