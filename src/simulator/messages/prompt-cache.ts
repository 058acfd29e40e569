/**
 * The prompt cache: which prefixes were written, by hash, until when. A request reads the longest live prefix at or within
 * twenty blocks before one of its breakpoints, and writes from there to its last breakpoint. Reading renews. Prefixes below
 * the model's minimum are silently not cached. Entries belong to a workspace.
 */
import { hashText, mix } from "../chance.ts";
import type { VirtualClock } from "../clock.ts";
import type { Model } from "../models.ts";
import type { Prefix, PromptInput } from "./prompt-input.ts";

export interface CacheSplit {
  readonly inputTokens: number;
  readonly write5mTokens: number;
  readonly write1hTokens: number;
  readonly readTokens: number;
}

interface Entry {
  readonly ttlMs: number;
  untilMs: number;
}

const ttlMs = { "5m": 5 * 60_000, "1h": 60 * 60_000 } as const;
const lookbackBlocks = 20;
const entriesMax = 100_000;

export class PromptCache {
  readonly #clock: VirtualClock;
  readonly #entries = new Map<number, Entry>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** Splits the prompt into read, written and plain tokens, and remembers what was written. */
  use(input: PromptInput, model: Model, workspace: string): CacheSplit {
    const { prefixes } = input;
    if (prefixes === null)
      return { inputTokens: input.tokens, write5mTokens: 0, write1hTokens: 0, readTokens: 0 };
    const salt = hashText(workspace);
    const points = prefixes.flatMap((prefix, index) =>
      prefix.ttl === null || prefix.tokens < model.minCacheTokens ? [] : [index],
    );
    const readTokens = this.#read(prefixes, points, salt);
    let write5mTokens = 0;
    let write1hTokens = 0;
    let doneTokens = readTokens;
    for (const point of points) {
      const prefix = prefixes[point];
      if (prefix === undefined || prefix.ttl === null || prefix.tokens <= doneTokens) continue;
      if (prefix.ttl === "1h") write1hTokens += prefix.tokens - doneTokens;
      else write5mTokens += prefix.tokens - doneTokens;
      doneTokens = prefix.tokens;
      this.#write(mix(prefix.hash, salt), ttlMs[prefix.ttl]);
    }
    return { inputTokens: input.tokens - doneTokens, write5mTokens, write1hTokens, readTokens };
  }

  #read(prefixes: readonly Prefix[], points: readonly number[], salt: number): number {
    const now = this.#clock.now();
    for (const point of points.toReversed()) {
      for (let index = point; index >= Math.max(0, point - lookbackBlocks); index -= 1) {
        const prefix = prefixes[index];
        const entry = prefix === undefined ? undefined : this.#entries.get(mix(prefix.hash, salt));
        if (prefix === undefined || entry === undefined || entry.untilMs <= now) continue;
        entry.untilMs = now + entry.ttlMs;
        return prefix.tokens;
      }
    }
    return 0;
  }

  #write(key: number, forMs: number): void {
    if (this.#entries.size >= entriesMax) this.#prune();
    this.#entries.set(key, { ttlMs: forMs, untilMs: this.#clock.now() + forMs });
  }

  #prune(): void {
    const now = this.#clock.now();
    for (const [key, entry] of this.#entries) if (entry.untilMs <= now) this.#entries.delete(key);
    if (this.#entries.size >= entriesMax) this.#entries.clear();
  }
}
