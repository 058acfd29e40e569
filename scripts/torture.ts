// `npm run torture`: seeded runs of real processes, real stores and the simulator, killed and frozen where it hurts most, each judged
// by the provider's bill. See docs/torture.md.
//
//   npm run torture -- --seeds 300            seeds 1 to 300
//   npm run torture -- --seeds 40-60 --append goes on in the results file, leaving out what is in it
//   npm run torture -- --seeds 17-17          that one again
//   npm run torture -- --plant NAME --seeds A-B   ends with 3 at the first seed that catches the planted defect, with 0 if none does
//   npm run torture -- --list-plants

import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openArena } from "../test/faults/arena.ts";
import type { Arena } from "../test/faults/arena.ts";
import { makeEdition } from "../test/faults/edition.ts";
import { plants } from "../test/faults/plants.ts";
import { run } from "../test/faults/run.ts";
import { scheduleOf } from "../test/faults/schedule.ts";
import {
  keepResult,
  lineOf,
  neglected,
  openResults,
  resultOf,
  stopTableOf,
  summaryOf,
  tableOf,
} from "../test/faults/tally.ts";
import type { Result } from "../test/faults/tally.ts";
import { openPrivatePostgres } from "../test/support/private-postgres.ts";
import { ensureRedisServer } from "./redis-server.ts";

const codes = { fine: 0, broken: 1, caught: 3 } as const;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    append: { type: "boolean", default: false },
    plant: { type: "string" },
    "list-plants": { type: "boolean", default: false },
    results: { type: "string", default: "results-torture.ndjson" },
    output: { type: "string" },
    schedule: { type: "boolean", default: false },
  },
});

function seedsOf(text: string): number[] {
  const range = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (range === null) throw new Error("--seeds: a number N for 1 to N, or a range A-B");
  const [first, last] = range[2] === undefined ? [1, Number(range[1])] : [Number(range[1]), Number(range[2])];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
}

/** A run that was objected to leaves what its processes said, and so does one that was run alone. */
function keepOutput(result: Result, output: string): void {
  for (const objection of result.objections) console.log(`    ${objection.replaceAll("\n", "\n    ")}`);
  const alone = seedsOf(values.seeds).length === 1;
  if (values.output === undefined || (result.objections.length === 0 && !alone)) return;
  mkdirSync(values.output, { recursive: true });
  writeFileSync(`${values.output}/seed-${result.seed}.log`, output);
}

async function torture(arena: Arena): Promise<number> {
  const results = openResults(values.results, values.append);
  const known = new Set(results.map(({ seed }) => seed));
  for (const seed of seedsOf(values.seeds).filter((each) => !known.has(each))) {
    const report = await run(scheduleOf(seed), arena);
    const result = resultOf(report);
    results.push(result);
    keepResult(values.results, result);
    console.log(lineOf(result));
    keepOutput(result, report.output);
  }
  const wrong = results.filter(({ objections }) => objections.length > 0).map(({ seed }) => seed);
  const times = results.map(({ ms }) => ms).toSorted((a, b) => a - b);
  console.log(`\n${tableOf(results)}\n\n${stopTableOf(results)}\n`);
  console.log(`median ${((times[times.length >> 1] ?? 0) / 1_000).toFixed(1)} s a seed`);
  if (wrong.length > 0) console.log(`the referee objects to seeds ${wrong.join(", ")}`);
  const seldom = neglected(results);
  if (seldom.length > 0)
    console.log(`hit less than ten times with paid work in flight: ${seldom.join(", ")}`);
  console.log(JSON.stringify(summaryOf(results)));
  return wrong.length === 0 && seldom.length === 0 ? codes.fine : codes.broken;
}

/** Whether any seed of the range shows the defect that was planted. */
async function prove(plant: string, arena: Arena): Promise<number> {
  const results: Result[] = [];
  for (const seed of seedsOf(values.seeds)) {
    const report = await run(scheduleOf(seed), arena);
    const result = resultOf(report);
    results.push(result);
    console.log(lineOf(result));
    keepOutput(result, report.output);
    if (result.objections.length === 0) continue;
    console.log(`${plant} was caught by seed ${seed}`);
    console.log(JSON.stringify(summaryOf(results)));
    return codes.caught;
  }
  console.log(`${plant} was missed`);
  console.log(JSON.stringify(summaryOf(results)));
  return codes.fine;
}

async function main(): Promise<number> {
  if (values["list-plants"]) {
    console.log(Object.keys(plants).join("\n"));
    return codes.fine;
  }
  if (values.schedule) {
    for (const seed of seedsOf(values.seeds)) console.log(JSON.stringify(scheduleOf(seed), null, 2));
    return codes.fine;
  }
  const { plant } = values;
  const planted = plant === undefined ? undefined : plants[plant];
  if (plant !== undefined && planted === undefined)
    throw new Error(`no such plant: ${plant}; one of ${Object.keys(plants).join(", ")}`);
  const program = makeEdition(planted?.patches ?? []);
  ensureRedisServer();
  const postgres = await openPrivatePostgres();
  const arena = await openArena(postgres, program);
  try {
    return plant === undefined ? await torture(arena) : await prove(plant, arena);
  } finally {
    await arena.close();
    await postgres.close();
  }
}

// Whoever ends it early ends its processes too: they go when this one exits in order.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(codes.broken));
process.exitCode = await main().catch((error: unknown) => {
  console.error(error);
  return codes.broken;
});
