/**
 * The last billed items, for a referee: a ring of columns instead of objects, since a run may bill a hundred thousand lines in
 * seconds and a hundred thousand objects would be the largest thing in memory.
 */
import type { Lane, Usage } from "./price.ts";

/** What many items have in common: one record per batch, or per model and key in real time. */
export interface ChargeContext {
  readonly lane: Lane;
  readonly model: string;
  readonly geo: string | null;
  readonly keyHash: string;
  readonly workspace: string;
  readonly batchId: string | null;
}

const unpriced = -1n;
const columns = ["input", "write5m", "write1h", "read", "output", "searches"] as const;

export class BilledItems {
  readonly #size: number;
  readonly #nano: BigInt64Array;
  readonly #atMs: Float64Array;
  readonly #tokens: Uint32Array;
  readonly #sources: string[] = [];
  readonly #contexts: ChargeContext[] = [];
  #count = 0;

  constructor(size: number) {
    this.#size = size;
    this.#nano = new BigInt64Array(size);
    this.#atMs = new Float64Array(size);
    this.#tokens = new Uint32Array(size * columns.length);
  }

  add(item: {
    readonly context: ChargeContext;
    readonly source: string;
    readonly usage: Usage;
    readonly nano: bigint | undefined;
    readonly atMs: number;
  }): void {
    const at = this.#count % this.#size;
    const { usage } = item;
    this.#count += 1;
    this.#nano[at] = item.nano ?? unpriced;
    this.#atMs[at] = item.atMs;
    this.#sources[at] = item.source;
    this.#contexts[at] = item.context;
    this.#tokens.set(
      [
        usage.inputTokens,
        usage.write5mTokens,
        usage.write1hTokens,
        usage.readTokens,
        usage.outputTokens,
        usage.webSearches,
      ],
      at * columns.length,
    );
  }

  /** Items numbered above `after` (the first is 1), oldest first; `next` is null at the end; `dropped` were overwritten. */
  page(
    after: number,
    limit: number,
  ): { items: Record<string, unknown>[]; next: number | null; dropped: number } {
    const dropped = Math.max(0, this.#count - this.#size);
    const first = Math.max(after, dropped);
    const last = Math.min(this.#count, first + limit);
    const items: Record<string, unknown>[] = [];
    for (let index = first; index < last; index += 1) items.push(this.#view(index));
    return { items, next: last < this.#count ? last : null, dropped };
  }

  #view(index: number): Record<string, unknown> {
    const at = index % this.#size;
    const context = this.#contexts[at];
    const nano = this.#nano[at] ?? unpriced;
    const source = this.#sources[at];
    const tokens = this.#tokens.subarray(at * columns.length, (at + 1) * columns.length);
    return {
      number: index + 1,
      at: new Date(this.#atMs[at] ?? 0).toISOString(),
      lane: context?.lane,
      model: context?.model,
      key: context?.keyHash,
      workspace: context?.workspace,
      ...(context?.lane === "batch"
        ? { batch_id: context.batchId, custom_id: source }
        : { request_id: source }),
      usage: {
        input_tokens: tokens[0],
        ephemeral_5m_input_tokens: tokens[1],
        ephemeral_1h_input_tokens: tokens[2],
        cache_read_input_tokens: tokens[3],
        output_tokens: tokens[4],
        web_search_requests: tokens[5],
      },
      inference_geo: context?.geo,
      nano: nano === unpriced ? null : nano.toString(),
    };
  }
}
