/**
 * The provider's bill: exact running totals, so that reading it costs the same after a million lines, and a bounded list of
 * the last billed items for a referee. An item is booked once, when its answer is produced: whether the client ever sees
 * the answer plays no part. An item of a model without a known price is counted apart, never as zero dollars.
 */
import { BilledItems } from "./billed-items.ts";
import type { ChargeContext } from "./billed-items.ts";
import type { VirtualClock } from "./clock.ts";
import { priceNano, usdOf } from "./price.ts";
import type { Usage } from "./price.ts";
import { CostReport } from "./cost-report.ts";
import { UsageReport } from "./usage-report.ts";

/** What is billed and to whom; `source` is the request id of a call, the custom_id of a line. */
export interface Charge {
  readonly context: ChargeContext;
  readonly source: string;
  readonly usage: Usage;
}

interface Total {
  items: number;
  nano: bigint;
  inputTokens: number;
  cacheWriteTokens: number;
  cacheReadTokens: number;
  outputTokens: number;
}

const emptyTotal = (): Total => ({
  items: 0,
  nano: 0n,
  inputTokens: 0,
  cacheWriteTokens: 0,
  cacheReadTokens: 0,
  outputTokens: 0,
});

const dimensions = ["model", "lane", "key", "workspace", "batch", "day"] as const;
type Dimension = (typeof dimensions)[number];

export class Invoice {
  readonly #clock: VirtualClock;
  readonly #items: BilledItems;
  readonly #sums = new Map<Dimension, Map<string, Total>>(
    dimensions.map((name) => [name, new Map<string, Total>()]),
  );
  readonly #all = emptyTotal();
  /** The same answers as tokens alone, for the usage report. */
  readonly report = new UsageReport();
  /** And as dollars by day, for the cost report. */
  readonly costs = new CostReport();
  #unpriced = 0;
  #last: ChargeContext | null = null;

  constructor(clock: VirtualClock, itemsMax: number) {
    this.#clock = clock;
    this.#items = new BilledItems(itemsMax);
  }

  /** Books one answer and returns its price in nano-dollars (undefined: no price known). */
  bill(charge: Charge): bigint | undefined {
    const atMs = this.#clock.now();
    const { source, usage } = charge;
    const context = this.#shared(charge.context);
    const nano = priceNano(context.model, usage, { lane: context.lane, geo: context.geo, atMs });
    if (nano === undefined) this.#unpriced += 1;
    const keys: Record<Dimension, string | null> = {
      model: context.model,
      lane: context.lane,
      key: context.keyHash,
      workspace: context.workspace,
      batch: context.batchId,
      day: dayOf(atMs),
    };
    add(this.#all, usage, nano ?? 0n);
    for (const name of dimensions) {
      const key = keys[name];
      if (key !== null) add(this.#total(name, key), usage, nano ?? 0n);
    }
    this.#items.add({ context, source, usage, nano, atMs });
    this.report.add(context, usage, atMs);
    if (nano !== undefined) this.costs.add(context, nano, atMs);
    return nano;
  }

  /** The previous context when it says the same, so that the lines of a batch share one. */
  #shared(context: ChargeContext): ChargeContext {
    const last = this.#last;
    const same =
      last !== null &&
      last.batchId === context.batchId &&
      last.model === context.model &&
      last.keyHash === context.keyHash &&
      last.geo === context.geo;
    if (same) return last;
    this.#last = context;
    return context;
  }

  totalNano(): bigint {
    return this.#all.nano;
  }

  batchNano(id: string): bigint {
    return this.#sums.get("batch")?.get(id)?.nano ?? 0n;
  }

  /** The body of `GET /_sim/invoice`. */
  view(): Record<string, unknown> {
    const { total_usd, total_nano, ...rest } = totalView(this.#all);
    const groups = dimensions.map((name): [string, unknown] => [
      `by_${name}`,
      Object.fromEntries([...(this.#sums.get(name) ?? [])].map(([key, total]) => [key, totalView(total)])),
    ]);
    return {
      total_usd,
      total_nano,
      ...rest,
      unpriced_items: this.#unpriced,
      ...Object.fromEntries(groups),
    };
  }

  /** Billed items with a number above `after`, oldest first; `next` is null at the end. */
  items(after: number, limit: number): ReturnType<BilledItems["page"]> {
    return this.#items.page(after, limit);
  }

  #total(name: Dimension, key: string): Total {
    const group = this.#sums.get(name);
    const known = group?.get(key);
    if (known !== undefined) return known;
    const fresh = emptyTotal();
    group?.set(key, fresh);
    return fresh;
  }
}

let lastDay = -1;
let lastDayText = "";

const dayOf = (ms: number): string => {
  const day = Math.floor(ms / 86_400_000);
  if (day !== lastDay) {
    lastDay = day;
    lastDayText = new Date(ms).toISOString().slice(0, 10);
  }
  return lastDayText;
};

const add = (total: Total, usage: Usage, nano: bigint): void => {
  total.items += 1;
  total.nano += nano;
  total.inputTokens += usage.inputTokens;
  total.cacheWriteTokens += usage.write5mTokens + usage.write1hTokens;
  total.cacheReadTokens += usage.readTokens;
  total.outputTokens += usage.outputTokens;
};

const totalView = (total: Total) => ({
  total_usd: usdOf(total.nano),
  total_nano: total.nano.toString(),
  items: total.items,
  input_tokens: total.inputTokens,
  cache_creation_input_tokens: total.cacheWriteTokens,
  cache_read_input_tokens: total.cacheReadTokens,
  output_tokens: total.outputTokens,
});
