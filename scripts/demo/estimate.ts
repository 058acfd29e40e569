// What a run can cost at most, by the same rules the service holds money with. The ceiling of the demonstration is chosen from it:
// low enough to bind while the first message batches are out, and later high enough for everything.
import { loadJobTypes } from "../../src/config/job-types.ts";
import { divideUp, formatUsd } from "../../src/domain/money.ts";
import { priceAt, worstCostNanoUsd } from "../../src/domain/price.ts";
import type { Work } from "./work.ts";

/** Lines looked at: enough for an average of texts. */
const sampleLines = 200;

/** The worst cost of the whole work in nano-dollars, one attempt each, from an even sample of its lines. */
export async function worstCost(type: string, work: Work): Promise<bigint> {
  const jobType = (await loadJobTypes({ dirs: [] })).get(type);
  if (jobType === undefined) throw new Error(`There is no job type ${type}.`);
  const prepared = jobType.prepare(work.shared ?? {});
  const every = Math.max(1, Math.floor(work.lines.length / sampleLines));
  const sample = work.lines.filter((_, index) => index % every === 0);
  let sum = 0n;
  for (const line of sample) {
    const checked = prepared.check(line.input);
    if (!checked.ok) continue;
    const { model, inputTokensMax, outputTokensMax, traits } = checked.request;
    const price = priceAt(model, Date.now());
    if (price === undefined) throw new Error(`The price of ${model} is not known.`);
    const lane = line.urgency === "now" ? "realtime" : "batch";
    sum += worstCostNanoUsd({ inputTokensMax, outputTokensMax, lane, price, traits });
  }
  return divideUp(sum * BigInt(work.lines.length), BigInt(Math.max(1, sample.length)));
}

const nanoPerCent = 10_000_000n;
const nanoPerMicro = 1_000n;

/** A ceiling as a person would set it: rounded up to whole cents, or where it is less than a few of them to millionths. */
export function ceilingUsd(nano: bigint): string {
  const step = nano > 10n * nanoPerCent ? nanoPerCent : nanoPerMicro;
  return formatUsd(divideUp(nano, step) * step);
}
