import type { CostTraits } from "./price.ts";

/** A request ready to be sent or packed, with everything that has to be known about it before. */
export interface RenderedRequest {
  /** JSON text of non-streaming Messages parameters. The same input and version give the same bytes, always. */
  readonly params: string;
  /** UTF-8 bytes of `params`. */
  readonly bytes: number;
  /** The model as written in `params`. */
  readonly model: string;
  /** The prompt version it was rendered with. */
  readonly version: number;
  /** The sound bound of src/domain/bound.ts, or what the job type declares where there is none. */
  readonly inputTokensMax: number;
  /** `max_tokens`. */
  readonly outputTokensMax: number;
  /** What else decides its worst cost. */
  readonly traits: CostTraits;
  /** Turns with tool calls it carries. */
  readonly toolRounds: number;
  /** Uses of tools that the provider runs, in one attempt; null: not bounded. */
  readonly serverToolUses: number | null;
  /** Whether a message batch may carry it. */
  readonly batchable: boolean;
}

/** Largest request in bytes; the provider takes 32 MB, measured after its own decoding. */
export const requestBytesMax = 32_000_000;
