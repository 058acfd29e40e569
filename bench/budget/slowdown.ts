// What holds cost the realtime lane at 200 ms of provider latency: the same lane with them and with them compiled out, taking turns.

import pg from "pg";
import { startSide, startSimulatorProcess } from "../children.ts";
import { median } from "../median.ts";
import type { BenchStores } from "../stores.ts";

const rounds = 5;
const jobs = 1_500;

/** Per cent by which the lane is slower with holds than without; negative where chance made it faster. */
export async function measureSlowdown(stores: BenchStores, say: (line: string) => void): Promise<number> {
  const simulator = await startSimulatorProcess(["--profile", "fast", "--latency", "200"]);
  const common = {
    SLUICE_PROVIDER_URL: simulator.url,
    SLUICE_CONCURRENCY: "50",
    SLUICE_REQUESTS_PER_MINUTE: "1000000",
    SLUICE_ROLES: "dispatcher,worker",
  };
  const databases = [await stores.open("redis"), await stores.open("redis")] as const;
  const withHolds = await startSide("bench/realtime/ours.ts", { ...databases[0].environment, ...common });
  const without = await startSide(
    "bench/realtime/ours.ts",
    { ...databases[1].environment, ...common },
    { imports: ["./bench/budget/without-holds.mjs"] },
  );
  try {
    const run = async (side: typeof without): Promise<number> =>
      (await side.ask<{ ms: number }>({ jobs })).ms;
    await run(withHolds);
    await run(without);
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const own = await run(withHolds);
      ratios.push(own / (await run(without)));
    }
    if ((await holdsIn(databases[0].url)) === 0) throw new Error("the lane took no holds");
    if ((await holdsIn(databases[1].url)) > 0) throw new Error("the lane without holds took some");
    const slowdown = (median(ratios) - 1) * 100;
    say(`holds slow the realtime lane at 200 ms by ${slowdown.toFixed(1)} %`);
    return slowdown;
  } finally {
    await withHolds.close();
    await without.close();
    await simulator.close();
    for (const database of databases) await database.drop();
  }
}

async function holdsIn(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ n: number }>("SELECT count(*)::int AS n FROM holds");
  await client.end();
  return rows[0]?.n ?? 0;
}
