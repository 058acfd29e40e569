/**
 * The provider's bill: exact running totals, so that reading it costs the same after a million lines, and a bounded list of
 * the last billed items for a referee. An item is booked once, when its answer is produced: whether the client ever sees
 * the answer plays no part. An item of a model without a known price is counted apart, never as zero dollars.
 */
import type { VirtualClock } from "./clock.ts";
import { priceNano, usdOf } from "./price.ts";
import type { Lane, Usage } from "./price.ts";

/** What is billed and to whom; `source` is the request id of a call, the custom_id of a line. */
export interface Charge {
  readonly lane: Lane;
  readonly model: string;
  readonly geo: string | null;
  readonly keyHash: string;
  readonly workspace: string;
  readonly batchId: string | null;
  readonly source: string;
  readonly usage: Usage;
}

export interface BilledItem extends Charge {
  readonly number: number;
  readonly atMs: number;
  readonly nano: bigint | undefined;
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
  readonly #itemsMax: number;
  readonly #items: BilledItem[] = [];
  readonly #sums = new Map<Dimension, Map<string, Total>>(
    dimensions.map((name) => [name, new Map<string, Total>()]),
  );
  readonly #all = emptyTotal();
  #unpriced = 0;
  #count = 0;

  constructor(clock: VirtualClock, itemsMax: number) {
    this.#clock = clock;
    this.#itemsMax = itemsMax;
  }

  /** Books one answer and returns its price in nano-dollars (undefined: no price known). */
  bill(charge: Charge): bigint | undefined {
    const atMs = this.#clock.now();
    const nano = priceNano(charge.model, charge.usage, { lane: charge.lane, geo: charge.geo, atMs });
    this.#count += 1;
    if (nano === undefined) this.#unpriced += 1;
    const keys: Record<Dimension, string | null> = {
      model: charge.model,
      lane: charge.lane,
      key: charge.keyHash,
      workspace: charge.workspace,
      batch: charge.batchId,
      day: new Date(atMs).toISOString().slice(0, 10),
    };
    add(this.#all, charge.usage, nano ?? 0n);
    for (const name of dimensions) {
      const key = keys[name];
      if (key !== null) add(this.#total(name, key), charge.usage, nano ?? 0n);
    }
    this.#items.push({ ...charge, number: this.#count, atMs, nano });
    // Dropped in slabs: shifting one by one would cost the length of the list for every item.
    if (this.#items.length > this.#itemsMax * 1.25)
      this.#items.splice(0, this.#items.length - this.#itemsMax);
    return nano;
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
  items(
    after: number,
    limit: number,
  ): { items: Record<string, unknown>[]; next: number | null; dropped: number } {
    const dropped = (this.#items[0]?.number ?? 1) - 1;
    const start = Math.max(0, after - dropped);
    const page = this.#items.slice(start, start + limit);
    const last = page.at(-1);
    return {
      items: page.map(itemView),
      next: last !== undefined && last.number < this.#count ? last.number : null,
      dropped,
    };
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

const itemView = (item: BilledItem): Record<string, unknown> => ({
  number: item.number,
  at: new Date(item.atMs).toISOString(),
  lane: item.lane,
  model: item.model,
  key: item.keyHash,
  workspace: item.workspace,
  ...(item.batchId === null
    ? { request_id: item.source }
    : { batch_id: item.batchId, custom_id: item.source }),
  usage: {
    input_tokens: item.usage.inputTokens,
    ephemeral_5m_input_tokens: item.usage.write5mTokens,
    ephemeral_1h_input_tokens: item.usage.write1hTokens,
    cache_read_input_tokens: item.usage.readTokens,
    output_tokens: item.usage.outputTokens,
    web_search_requests: item.usage.webSearches,
  },
  inference_geo: item.geo,
  nano: item.nano?.toString() ?? null,
});
