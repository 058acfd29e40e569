// Real data that lies beside a checkout and is not part of it. Tests that read it are left out where it is absent, with a line
// that says so; the same rules are always tested on samples of our own as well.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { isRecord } from "../../src/domain/json-value.ts";

const folder = path.resolve(import.meta.dirname, "../../../shared/data");

/** The text of a file of the shared data, or null where there is none. */
export function sharedText(name: string): string | null {
  const file = path.join(folder, name);
  if (existsSync(file)) return readFileSync(file, "utf8");
  process.stderr.write(`left out: tests that read ../shared/data/${name}, which is not there\n`);
  return null;
}

/** The path of a folder of the shared data, or null where there is none. */
export function sharedFolder(name: string): string | null {
  const found = path.join(folder, name);
  if (existsSync(found)) return found;
  process.stderr.write(`left out: tests that read ../shared/data/${name}, which is not there\n`);
  return null;
}

/** The `text` of every row of an NDJSON file of the shared data, or null where there is none. */
export function sharedTexts(name: string): string[] | null {
  const text = sharedText(name);
  if (text === null) return null;
  return text.split("\n").flatMap((line) => {
    const row: unknown = line === "" ? null : JSON.parse(line);
    return isRecord(row) && typeof row["text"] === "string" ? [row["text"]] : [];
  });
}
