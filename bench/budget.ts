/**
 * npm run bench:budget
 * Three rules race for one ceiling under the same load, judged by the provider's bill; then what holds cost the realtime lane. Progress
 * goes to stderr; the last line of stdout is one JSON object. docs/benchmarks.md says what is measured and how.
 */
import { ensureRedisServer } from "../scripts/redis-server.ts";
import { planRace, raceOurs, raceRival } from "./budget/race.ts";
import type { RaceFigures } from "./budget/race.ts";
import { rivalRules } from "./budget/rules.ts";
import { measureSlowdown } from "./budget/slowdown.ts";
import { openBenchStores } from "./stores.ts";

const say = (line: string): void => void process.stderr.write(`${line}\n`);

ensureRedisServer();
const stores = await openBenchStores();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void stores.close().finally(() => process.exit(130)));
try {
  const terms = await planRace();
  say(
    `ceiling $${(Number(terms.limitNano) / 1e9).toFixed(6)}, a load of ${terms.calls} calls, 64 at once over 3 processes`,
  );
  const tell = (rule: string, { overspend_usd, use_pct, wall_s }: RaceFigures): void =>
    say(`${rule}: overspent $${overspend_usd.toFixed(6)}, used ${use_pct} % of the ceiling in ${wall_s} s`);
  const figures: Record<string, RaceFigures | number> = {};
  const ours = await raceOurs(stores, terms);
  tell("ours", ours);
  figures["ours"] = ours;
  for (const rule of rivalRules) {
    const rival = await raceRival(stores, rule, terms);
    tell(rule, rival);
    figures[rule] = rival;
  }
  figures["slowdown_pct"] = Number((await measureSlowdown(stores, say)).toFixed(1));
  process.stdout.write(`${JSON.stringify(figures)}\n`);
} finally {
  await stores.close();
}
