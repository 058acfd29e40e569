// The tables of docs/ that repeat a closed list of the code: errors, events, settings, points. They are written by `npm run docs` and
// compared by a test, so that a list and its page never differ. The prose around them is written by hand.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { effectiveSettings, parseConfig } from "../../src/config/config.ts";
import { scriptVariables } from "../../src/config/settings.ts";
import { errorCatalogue } from "../../src/domain/errors.ts";
import { events } from "../../src/observe/events.ts";
import { points } from "../../src/observe/points.ts";
import { plants } from "../../test/faults/plants.ts";

const row = (...cells: readonly string[]): string => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");
const code = (text: string): string => `\`${text}\``;

/** Every page with the rows of its tables, from top to bottom. */
export const docTables: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "errors.md": [
    Object.entries(errorCatalogue).map(([name, { status, retryable, title, hint }]) =>
      row(code(name), String(status), retryable ? "yes" : "no", title, hint),
    ),
  ],
  "logging.md": [Object.entries(events).map(([name, { level, about }]) => row(code(name), level, about))],
  "configuration.md": [
    effectiveSettings(parseConfig({}), {}).map(({ name, value, about }) =>
      row(code(name), value === "(not set)" ? "" : code(value), about),
    ),
    Object.entries(scriptVariables).map(([name, about]) => row(code(name), about)),
  ],
  "torture.md": [
    Object.entries(points).map(([name, about]) => row(code(name), about)),
    Object.entries(plants).map(([name, { about }]) => row(code(name), about)),
  ],
};

/** The file of a page. */
export const pagePath = (page: string): string => join(import.meta.dirname, "../../docs", page);

/** The rows of each table of a page as they stand there. */
export function tablesOf(page: string): string[][] {
  const lines = readFileSync(pagePath(page), "utf8").split("\n");
  const tables: string[][] = [];
  for (const [at, line] of lines.entries()) {
    if (/^\|(---\|)+$/.test(line)) tables.push(lines.slice(at + 1, endOfTable(lines, at)));
  }
  return tables;
}

/** The text of a page with its tables as the lists are now. */
export function renderPage(page: string): string {
  const lines = readFileSync(pagePath(page), "utf8").split("\n");
  const tables = [...(docTables[page] ?? [])];
  const rendered: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    rendered.push(line);
    if (!/^\|(---\|)+$/.test(line)) continue;
    rendered.push(...(tables.shift() ?? []));
    at = endOfTable(lines, at) - 1;
  }
  return rendered.join("\n");
}

function endOfTable(lines: readonly string[], at: number): number {
  const end = lines.findIndex((line, index) => index > at && !line.startsWith("|"));
  return end === -1 ? lines.length : end;
}
