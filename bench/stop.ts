/**
 * npm run bench:stop [-- --drills 100]
 * Drills under load: three processes, two hundred calls in flight, an upload under way in each; every tenth with a frozen process.
 * Progress goes to stderr; the last line of stdout is one JSON object. docs/benchmarks.md says what is measured and how.
 */
import { parseArgs } from "node:util";
import { ensureRedisServer } from "../scripts/redis-server.ts";
import { quantile } from "./median.ts";
import { drill } from "./stop/drill.ts";
import { openFleet } from "./stop/fleet.ts";
import { openBenchStores } from "./stores.ts";

const frozenEvery = 10;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const { values } = parseArgs({ options: { drills: { type: "string", default: "100" } } });
const drills = Number(values.drills);
if (!Number.isInteger(drills) || drills < 1 || drills > 1_000) {
  say("--drills: a whole number from 1 to 1000");
  process.exit(2);
}
ensureRedisServer();
const stores = await openBenchStores();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void stores.close().finally(() => process.exit(130)));
const lastStarts: number[] = [];
const frozenStarts: number[] = [];
let aborted = 0;
let batchesCanceled = 0;
try {
  const fleet = await openFleet(stores);
  try {
    for (let number = 1; number <= drills; number += 1) {
      await fleet.loaded();
      const frozen = number % frozenEvery === 0;
      // Another process each time; the first one, which dispatches, too.
      const pid = fleet.sides[(number / frozenEvery) % fleet.sides.length]?.pid ?? null;
      const end = await drill(fleet, frozen ? pid : null);
      (frozen ? frozenStarts : lastStarts).push(end.lastStartMs);
      aborted += end.aborted;
      batchesCanceled = end.batchesCanceled;
      say(
        `drill ${number}${frozen ? ", a process frozen" : ""}: last start after ${end.lastStartMs} ms, ${end.aborted} calls aborted`,
      );
    }
  } finally {
    await fleet.close();
  }
} finally {
  await stores.close();
}
const max = (times: readonly number[]): number => times.reduce((most, ms) => Math.max(most, ms), 0);
process.stdout.write(
  `${JSON.stringify({
    drills,
    last_start_ms_p50: lastStarts.length === 0 ? null : quantile(lastStarts, 0.5),
    last_start_ms_p95: lastStarts.length === 0 ? null : quantile(lastStarts, 0.95),
    last_start_ms_max: max(lastStarts),
    frozen_last_start_ms_max: max(frozenStarts),
    aborted,
    batches_cancelled: batchesCanceled,
  })}\n`,
);
