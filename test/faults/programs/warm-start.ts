// Starts like `sluice start`, but in two steps: first everything is loaded, then it waits for its environment, which is what a start
// has to do last (../warm.ts). The edition has it beside the entry of the program.

import { writeSync } from "node:fs";
import { text } from "node:stream/consumers";

const load = (path: string): Promise<unknown> => import(new URL(path, import.meta.url).href);

await Promise.all([load("../cli/program.js"), load("./run.js")]);
const toldWhenLoaded = 3;
writeSync(toldWhenLoaded, ".");
const said = await text(process.stdin);
// Whoever has loaded it has gone, or does not need it any more.
if (said === "") process.exit(0);
// oxlint-disable-next-line node/no-process-env -- what a start is given
Object.assign(process.env, JSON.parse(said) as Record<string, string>);
await load("./main.js");
