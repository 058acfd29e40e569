// What a command prints: a table for people, or one JSON document with --json. Only results go to standard output.
import Table from "cli-table3";
import type { Screen } from "./deps.ts";

export type Cell = string | number | null | undefined;

/** Columns that line up under their headings, two spaces apart, without lines and colours: it can be piped. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const none = ["top", "bottom", "left", "right", "mid"].flatMap((side) =>
    ["", "-mid", "-left", "-right"].map((place) => [side + place, ""]),
  );
  const drawn = new Table({
    head: [...head],
    chars: { ...Object.fromEntries(none), middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: head.map((_, column) => (isNumeric(rows, column) ? "right" : "left")),
  });
  drawn.push(...rows.map((row) => row.map(shown)));
  return drawn
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** A table, or one line that says that there is nothing to list. */
export const listing = (head: readonly string[], rows: readonly (readonly Cell[])[], none: string): string =>
  rows.length === 0 ? none : table(head, rows);

const shown = (cell: Cell): string => (cell === null || cell === undefined ? "-" : String(cell));

function isNumeric(rows: readonly (readonly Cell[])[], column: number): boolean {
  const cells = rows.map((row) => shown(row[column])).filter((text) => text !== "-");
  return cells.length > 0 && cells.every((text) => /^\$?-?\d[\d_.,]*%?$/.test(text));
}

/** Prints a result: as one JSON document, or in the words of `text`. */
export function printResult(stdout: Screen, json: boolean, value: unknown, text: () => string): void {
  stdout.write(`${json ? JSON.stringify(value) : text()}\n`);
}

/** A time as people compare it: UTC, to the second. */
export function instant(at: Date | string | null | undefined): string {
  if (at === null || at === undefined) return "-";
  return new Date(at).toISOString().replace("T", " ").slice(0, 19);
}
