/**
 * npm run bench -- [--backend redis|postgres] [--only batch,realtime,upload,memory,status]
 * Measures this checkout on this machine, a queue backend after the other, and prints one JSON line for each on stdout; progress
 * goes to stderr. Without options everything runs, about ten minutes a backend. docs/benchmarks.md says what is measured and how.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { ensureRedisServer } from "../scripts/redis-server.ts";
import { measureBatch } from "./batch.ts";
import { misses } from "./figures.ts";
import type { BenchContext, Figures } from "./figures.ts";
import { readQuestions } from "./lines.ts";
import { measureMemory } from "./memory.ts";
import { measureRealtime } from "./realtime/measure.ts";
import { measureStatus } from "./status.ts";
import { benchBackends, openBenchStores } from "./stores.ts";
import { measureUpload } from "./upload.ts";

/** What a part finds out, and the largest process of Sluice it saw. */
interface Found {
  figures: Partial<Figures>;
  rssMb: number | null;
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

const parts: Readonly<Record<string, (context: BenchContext) => Promise<Found>>> = {
  batch: async (context) => {
    const { jobsPerS, rssMb } = await measureBatch(context);
    return { figures: { batch_jobs_per_s: jobsPerS }, rssMb };
  },
  realtime: async (context) => {
    // BullMQ is several times slower on PostgreSQL; a round takes seconds on either.
    const onRedis = context.backend === "redis";
    const atOnce = await measureRealtime(context, { latencyMs: 0, jobs: onRedis ? 4_000 : 1_000 });
    const slow = await measureRealtime(context, { latencyMs: 200, jobs: onRedis ? 1_500 : 500 });
    return {
      figures: { realtime_ratio_0ms: rounded(atOnce.ratio, 2), realtime_ratio_200ms: rounded(slow.ratio, 2) },
      rssMb: largest([atOnce.rssMb, slow.rssMb]),
    };
  },
  upload: async (context) => {
    const { smallLinesPerS, longLinesPerS, rssMb } = await measureUpload(context);
    return {
      figures: { upload_small_lines_per_s: smallLinesPerS, upload_3kb_lines_per_s: longLinesPerS },
      rssMb,
    };
  },
  memory: async (context) => ({ figures: {}, rssMb: await measureMemory(context) }),
  status: async (context) => {
    const { p95Ms, rssMb } = await measureStatus(context);
    return { figures: { status_p95_ms: rounded(p95Ms, 1) }, rssMb };
  },
};

const { values } = parseArgs({ options: { only: { type: "string" }, backend: { type: "string" } } });
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const chosen = <Name extends string>(
  option: string,
  given: string | undefined,
  names: readonly Name[],
): readonly Name[] => {
  const wanted = given?.split(",") ?? names;
  const unknown = wanted.filter((name) => !names.some((known) => known === name));
  if (unknown.length === 0) return names.filter((name) => wanted.includes(name));
  say(`--${option}: ${unknown.join(", ")} is none of ${names.join(", ")}`);
  return process.exit(2);
};

function largest(sizes: readonly (number | null)[]): number | null {
  const known = sizes.filter((size) => size !== null);
  return known.length === 0 ? null : Math.max(...known);
}

async function benchBackend(context: BenchContext, names: readonly string[]): Promise<Partial<Figures>> {
  const found: Found[] = [];
  for (const name of names) {
    const startedAt = performance.now();
    const part = await parts[name]?.(context);
    if (part !== undefined) found.push(part);
    say(`${context.backend} ${name}: ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  }
  const rssMb = largest(found.map((part) => part.rssMb));
  const figures: Partial<Figures> = Object.assign({}, ...found.map((part) => part.figures));
  return { ...figures, ...(rssMb !== null && { rss_mb_max: Math.round(rssMb) }) };
}

const partNames = chosen("only", values.only, Object.keys(parts));
const backends = chosen("backend", values.backend, benchBackends);
ensureRedisServer();
const questions = readQuestions();
say(`Node ${process.version} on ${availableParallelism()} cores, lines of ${questions.describe}`);
const stores = await openBenchStores();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void stores.close().finally(() => process.exit(130)));
try {
  for (const backend of backends) {
    const figures = await benchBackend({ stores, backend, questions, say }, partNames);
    for (const miss of misses(figures)) say(`${backend}: ${miss}`);
    process.stdout.write(`${JSON.stringify({ backend, ...figures })}\n`);
  }
} finally {
  await stores.close();
}
