// The version of this program, read from its package: two folders up from the sources, three from the build.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const candidates = ["../../package.json", "../../../package.json"].map((path) =>
  join(import.meta.dirname, path),
);
const file = candidates.find((path) => existsSync(path));

/** For the command line, the log and the API's documentation. */
export const version: string =
  file === undefined
    ? "unknown"
    : z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, "utf8"))).version;
