// The race for one ceiling: 64 calls at once over three processes, and a load that needs much more than the ceiling allows. How far
// does the provider's bill go, and how much of the ceiling is used?

import pg from "pg";
import { submitBulk, setBudget } from "../../test/support/submit.ts";
import { startSide, startSimulatorProcess } from "../children.ts";
import type { Side, SimulatorProcess } from "../children.ts";
import { inputsOf, labels } from "../realtime/inputs.ts";
import type { BenchStores } from "../stores.ts";
import { callsOf } from "./load.ts";
import type { RivalRule } from "./rules.ts";

/** Calls at once, by process. */
const concurrencies = [22, 21, 21];
const ceilingWorsts = 500n;
/** The ceiling is this share of what the load would cost. */
const ceilingShare = 0.6;
const probeCalls = 64;
/** Quiet for this long with everything left waiting for the budget: the ceiling is reached. */
const quietMs = 3_000;
const raceMaxMs = 300_000;
const simulatorArgs = ["--profile", "fast", "--latency", "50-150"];

export interface RaceFigures {
  overspend_usd: number;
  use_pct: number;
  wall_s: number;
}

export interface RaceTerms {
  limitNano: bigint;
  calls: number;
}

/** What the load must be: from the bill of a few of its calls. */
export async function planRace(): Promise<RaceTerms> {
  const simulator = await startSimulatorProcess(simulatorArgs);
  try {
    const probes = await callsOf(probeCalls);
    for (const { params } of probes)
      await fetch(`${simulator.url}/v1/messages`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: "Bearer bench",
          "anthropic-version": "2026-10-21",
        },
        body: params,
      }).then((answer) => answer.arrayBuffer());
    const worstNano = probes.reduce((most, call) => (call.worstNano > most ? call.worstNano : most), 0n);
    const limitNano = ceilingWorsts * worstNano;
    const meanNano = Number(await billNano(simulator)) / probeCalls;
    return { limitNano, calls: Math.ceil(Number(limitNano) / ceilingShare / meanNano) };
  } finally {
    await simulator.close();
  }
}

/** Another rule on the same load. */
export async function raceRival(
  stores: BenchStores,
  rule: RivalRule,
  terms: RaceTerms,
): Promise<RaceFigures> {
  const database = await stores.open("redis");
  const simulator = await startSimulatorProcess(simulatorArgs);
  const sides = await Promise.all(
    concurrencies.map(() => startSide("bench/sides/rival.ts", database.environment)),
  );
  try {
    const startedAtMs = performance.timeOrigin + performance.now();
    const ends = await Promise.all(
      sides.map((side, index) =>
        side.ask<{ lastMs: number; left: number }>({
          rule,
          limitNano: terms.limitNano.toString(),
          url: simulator.url,
          concurrency: concurrencies[index] ?? 0,
          calls: Math.ceil(terms.calls / sides.length),
        }),
      ),
    );
    if (ends.every(({ left }) => left === 0))
      throw new Error(`${rule}: the load was too small for the ceiling`);
    const wallMs = Math.max(...ends.map(({ lastMs }) => lastMs)) - startedAtMs;
    return figuresOf(await billNano(simulator), terms, wallMs);
  } finally {
    await endAll(sides, simulator);
    await database.drop();
  }
}

/** Sluice on the same load: a queue's budget is the ceiling. */
export async function raceOurs(stores: BenchStores, terms: RaceTerms): Promise<RaceFigures> {
  const database = await stores.open("redis");
  const simulator = await startSimulatorProcess(simulatorArgs);
  const common = {
    ...database.environment,
    SLUICE_PROVIDER_URL: simulator.url,
    SLUICE_REQUESTS_PER_MINUTE: "1000000",
  };
  const sides: Side[] = [];
  const db = new pg.Client({ connectionString: database.url });
  try {
    for (const [index, concurrency] of concurrencies.entries())
      sides.push(
        await startSide("bench/sides/lane.ts", {
          ...common,
          SLUICE_ROLES: index === 0 ? "dispatcher,worker" : "worker",
          SLUICE_CONCURRENCY: String(concurrency),
        }),
      );
    await db.connect();
    await setBudget(db, terms.limitNano);
    const inputs = inputsOf(terms.calls);
    const startedAt = Date.now();
    const bulkId = await submitBulk(database.url, { lane: "realtime", inputs, shared: { labels } });
    const lastMs = await waitUntilBound(db, bulkId);
    return figuresOf(await billNano(simulator), terms, lastMs - startedAt);
  } finally {
    await db.end();
    await endAll(sides, simulator);
    await database.drop();
  }
}

/** When the last call ended, in Unix milliseconds, once nothing moves any more. */
async function waitUntilBound(db: pg.Client, bulkId: string): Promise<number> {
  const givenUpAt = performance.now() + raceMaxMs;
  let last = { ms: 0, seenAt: performance.now() };
  while (performance.now() < givenUpAt) {
    const { rows } = await db.query<{ open: string; waiting: string; last_ms: number | null }>(
      `SELECT (SELECT count(*) FROM attempts WHERE bulk_id = $1 AND state = 'open') AS open,
              (SELECT count(*) FROM jobs WHERE bulk_id = $1 AND state = 'queued') AS waiting,
              (SELECT extract(epoch FROM max(recorded_at))::float8 * 1000 FROM attempts WHERE bulk_id = $1) AS last_ms`,
      [bulkId],
    );
    const [row] = rows;
    const ms = row?.last_ms ?? 0;
    if (ms !== last.ms || row?.open !== "0") last = { ms, seenAt: performance.now() };
    else if (performance.now() - last.seenAt > quietMs) {
      if (row.waiting === "0") throw new Error("the load was too small for the ceiling");
      return ms;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error("the ceiling was not reached in time");
}

async function billNano(simulator: SimulatorProcess): Promise<bigint> {
  const answer = await fetch(`${simulator.url}/_sim/invoice`);
  return BigInt(((await answer.json()) as { total_nano: string }).total_nano);
}

function figuresOf(billedNano: bigint, { limitNano }: RaceTerms, wallMs: number): RaceFigures {
  const over = billedNano > limitNano ? billedNano - limitNano : 0n;
  const used = billedNano > limitNano ? limitNano : billedNano;
  return {
    overspend_usd: Number(over) / 1e9,
    use_pct: Number(((Number(used) / Number(limitNano)) * 100).toFixed(2)),
    wall_s: Number((wallMs / 1_000).toFixed(1)),
  };
}

async function endAll(sides: readonly Side[], simulator: SimulatorProcess): Promise<void> {
  await Promise.all(sides.map((side) => side.close()));
  await simulator.close();
}
