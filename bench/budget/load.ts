// The load of the budget race: the same requests for every rule, and what each of them can cost at most.

import { loadJobTypes } from "../../src/config/job-types.ts";
import { priceAt, worstCostNanoUsd } from "../../src/domain/price.ts";
import { inputsOf, labels } from "../realtime/inputs.ts";

export interface Call {
  /** JSON text of the Messages parameters. */
  readonly params: string;
  readonly worstNano: bigint;
}

/** So many calls, all a little different. */
export async function callsOf(count: number): Promise<Call[]> {
  const prepared = (await loadJobTypes({ dirs: [] })).get("classify-intent")?.prepare({ labels });
  return inputsOf(count).map((input) => {
    const checked = prepared?.check(input);
    if (checked?.ok !== true) throw new Error("the benchmark's own input was refused");
    const { params, inputTokensMax, outputTokensMax, model, traits } = checked.request;
    const price = priceAt(model, Date.now());
    if (price === undefined) throw new Error(`${model} has no price`);
    const worstNano = worstCostNanoUsd({ inputTokensMax, outputTokensMax, lane: "realtime", price, traits });
    return { params, worstNano };
  });
}
