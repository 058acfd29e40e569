/**
 * npm run bench:stop [-- --drills 100 --frozen 10]
 * Drills under load: three processes, two hundred calls in flight, an upload under way in each; some of them with a frozen process.
 * Progress goes to stderr; the last line of stdout is one JSON object. docs/benchmarks.md says what is measured and how.
 */
import { parseArgs } from "node:util";
import { ensureRedisServer } from "../scripts/redis-server.ts";
import { drill, type DrillEnd } from "./stop/drill.ts";
import { isFrozen, stopFigures, stopMisses } from "./stop/figures.ts";
import { openFleet, type Fleet } from "./stop/fleet.ts";
import { openBenchStores } from "./stores.ts";

/** An upload may end in the very moment of the stop; such a drill is repeated, and so many of them are no chance any more. */
const repeatsMax = 10;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const { values } = parseArgs({
  options: { drills: { type: "string", default: "100" }, frozen: { type: "string", default: "10" } },
});
const [drills, frozen] = [Number(values.drills), Number(values.frozen)];
if (
  !Number.isInteger(drills) ||
  drills < 1 ||
  drills > 1_000 ||
  !Number.isInteger(frozen) ||
  frozen < 0 ||
  frozen > drills
) {
  say("--drills: a whole number from 1 to 1000; --frozen: from 0 to as many");
  process.exit(2);
}
ensureRedisServer();
const stores = await openBenchStores();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void stores.close().finally(() => process.exit(130)));
type CountedEnd = DrillEnd & { readonly frozen: boolean };

async function runDrills(fleet: Fleet): Promise<CountedEnd[]> {
  const ends: CountedEnd[] = [];
  for (let tries = 0; ends.length < drills; tries += 1) {
    if (tries === drills + repeatsMax) throw new Error("the load does not hold an upload in every process");
    const uploads = await fleet.loaded();
    const freezes = isFrozen(ends.length, drills, frozen);
    // Another process each time; the one that dispatches, too.
    const side = fleet.sides[ends.filter((end) => end.frozen).length % fleet.sides.length];
    const end = await drill(fleet, uploads, freezes ? (side?.pid ?? null) : null);
    const counts = end.uploaders === fleet.sides.length;
    if (counts) ends.push({ ...end, frozen: freezes });
    say(
      `${counts ? `drill ${ends.length}` : "not counted"}${freezes ? ", a process frozen" : ""}: last start after ${end.lastStartMs} ms (commit ${end.commitMs} ms), ` +
        `complete after ${end.completeMs} ms, ${end.aborted} calls aborted, ${end.closed} sockets closed, ` +
        `uploads in ${end.uploaders} of ${fleet.sides.length} processes`,
    );
  }
  return ends;
}

let ends: CountedEnd[] = [];
try {
  const fleet = await openFleet(stores);
  try {
    ends = await runDrills(fleet);
  } finally {
    await fleet.close();
  }
} finally {
  await stores.close();
}
const figures = stopFigures(ends);
for (const miss of stopMisses(figures)) say(miss);
process.stdout.write(`${JSON.stringify(figures)}\n`);
