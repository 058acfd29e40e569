// Real data that lies beside a checkout and is not part of it. Tests that read it are left out where it is absent, with a line
// that says so; the same rules are always tested on samples of our own as well.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

const folder = path.resolve(import.meta.dirname, "../../../shared/data");

/** The text of a file of the shared data, or null where there is none. */
export function sharedText(name: string): string | null {
  const file = path.join(folder, name);
  if (existsSync(file)) return readFileSync(file, "utf8");
  process.stderr.write(`left out: tests that read ../shared/data/${name}, which is not there\n`);
  return null;
}

/** The rows of an NDJSON file of the shared data, or null where there is none. */
export function sharedRows<Row>(name: string): Row[] | null {
  const text = sharedText(name);
  if (text === null) return null;
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row);
}
