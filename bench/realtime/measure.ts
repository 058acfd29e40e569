// Realtime lane against a bare worker, interleaved: ours, bare, ours, bare … after a warm-up of each. The ratio is bare time over
// our time, the median of the rounds: 1 is as fast, 0.8 is four fifths of the speed.

import { startSide, startSimulatorProcess } from "../children.ts";
import type { BenchContext } from "../figures.ts";
import { median } from "../median.ts";
import { peakMb } from "../memory-peak.ts";

const rounds = 5;

export interface RealtimeFigures {
  ratio: number;
  rssMb: number | null;
}

export async function measureRealtime(
  { stores, backend, say }: BenchContext,
  terms: { latencyMs: number; jobs: number },
): Promise<RealtimeFigures> {
  const simulator = await startSimulatorProcess(["--profile", "fast", "--latency", String(terms.latencyMs)]);
  const common = {
    SLUICE_PROVIDER_URL: simulator.url,
    SLUICE_CONCURRENCY: "50",
    SLUICE_REQUESTS_PER_MINUTE: "1000000",
    SLUICE_ROLES: "dispatcher,worker",
  };
  const databases = [await stores.open(backend), await stores.open(backend)] as const;
  const ours = await startSide("bench/realtime/ours.ts", { ...databases[0].environment, ...common });
  const bare = await startSide("bench/realtime/bare.ts", { ...databases[1].environment, ...common });
  try {
    const run = async (side: typeof ours): Promise<number> =>
      (await side.ask<{ ms: number }>({ jobs: terms.jobs })).ms;
    await run(ours);
    await run(bare);
    const times = { ours: [] as number[], bare: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      times.ours.push(await run(ours));
      times.bare.push(await run(bare));
    }
    const ratio = median(times.ours.map((ms, index) => (times.bare[index] ?? 0) / ms));
    const perS = (ms: number[]): number => Math.round((terms.jobs * 1_000) / median(ms));
    say(
      `realtime at ${terms.latencyMs} ms: ours ${perS(times.ours)}/s, bare ${perS(times.bare)}/s, ratio ${ratio.toFixed(2)}`,
    );
    return { ratio, rssMb: peakMb(ours.pid) };
  } finally {
    await ours.close();
    await bare.close();
    await simulator.close();
    for (const database of databases) await database.drop();
  }
}
