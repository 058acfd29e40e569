// What the runner has to know about a model before it sends work to it: its ceilings, and the parameters it answers with a
// 400. A refusal at the door is free and names the field; the same refusal inside a message batch costs the whole turnaround.
// Source: the provider's model pages and migration guides of autumn 2026. A model is listed here only if its price is known
// (src/domain/price-table.ts); everything else is refused as `price_unknown`.

export type ThinkingType = "adaptive" | "enabled" | "disabled" | "between_tools";

export interface Model {
  /** The canonical id; dated ids resolve to it. */
  readonly id: string;
  readonly contextTokens: number;
  readonly outputTokensMax: number;
  /** Models of one pool share the provider's rate limits. */
  readonly pool: string;
  /** The `thinking.type` values the model accepts. */
  readonly thinking: readonly ThinkingType[];
  /** `tool_choice` any or tool is accepted. */
  readonly forcedToolChoice: boolean;
  /** The conversation may end with an assistant turn. */
  readonly prefill: boolean;
  /** `inference_geo` is accepted, and its price factor can apply. */
  readonly inferenceGeo: boolean;
  /** The Message Batches API takes it. */
  readonly batch: boolean;
}

type Traits = Omit<Model, "id" | "pool">;

/** 4.5 generation: 200K window, thinking budgets, no adaptive thinking, no data residency parameter. */
const generation45: Traits = {
  contextTokens: 200_000,
  outputTokensMax: 64_000,
  thinking: ["enabled", "disabled"],
  forcedToolChoice: true,
  prefill: true,
  inferenceGeo: false,
  batch: true,
};
/** 4.6: the window grows, prefill goes, budgets and adaptive thinking both work. */
const generation46: Traits = {
  ...generation45,
  contextTokens: 1_000_000,
  outputTokensMax: 128_000,
  thinking: ["adaptive", "enabled", "disabled"],
  prefill: false,
  inferenceGeo: true,
};
/** 4.7 and later: budgets answer 400. */
const generation47: Traits = { ...generation46, thinking: ["adaptive", "disabled"] };
/** Thinking cannot be turned off. */
const alwaysThinking: Traits = { ...generation47, thinking: ["adaptive"] };
/** Nor can a tool be forced. Listed only where the provider says so: a wrong refusal here could not be worked around. */
const neverForced: Traits = { ...alwaysThinking, forcedToolChoice: false };

const rows: readonly Model[] = [
  { id: "claude-haiku-5-5", pool: "haiku-5-5", ...generation47 },
  { id: "claude-haiku-4-5", pool: "haiku-4-5", ...generation45 },
  // Sonnet 5.5 answers `disabled` with a 400 that points at `between_tools`.
  {
    id: "claude-sonnet-5-5",
    pool: "sonnet-5-5",
    ...generation47,
    thinking: ["adaptive", "between_tools"],
    forcedToolChoice: false,
  },
  { id: "claude-sonnet-5", pool: "sonnet-5", ...generation47 },
  { id: "claude-sonnet-4-6", pool: "sonnet-4", ...generation46 },
  { id: "claude-sonnet-4-5", pool: "sonnet-4", ...generation45 },
  { id: "claude-opus-5-5", pool: "opus-5-5", ...neverForced },
  { id: "claude-opus-5", pool: "opus-5", ...generation47 },
  { id: "claude-opus-4-8", pool: "opus-4", ...generation47 },
  { id: "claude-opus-4-7", pool: "opus-4", ...generation47 },
  { id: "claude-opus-4-6", pool: "opus-4", ...generation46 },
  { id: "claude-opus-4-5", pool: "opus-4", ...generation45 },
  { id: "claude-fable-5-2", pool: "fable-5", ...alwaysThinking },
  { id: "claude-fable-5-1", pool: "fable-5", ...neverForced },
  { id: "claude-fable-5", pool: "fable-5", ...alwaysThinking },
  { id: "claude-mythos-5-1", pool: "mythos-5", ...neverForced },
];

/** Dated ids the provider also takes, and the row each of them means. */
const datedIds: ReadonlyMap<string, string> = new Map([
  ["claude-haiku-4-5-20251001", "claude-haiku-4-5"],
  ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5"],
  ["claude-opus-4-5-20251101", "claude-opus-4-5"],
]);

/** Every known model by its canonical id. */
export const models: ReadonlyMap<string, Model> = new Map(rows.map((model) => [model.id, model]));

/** Every name that work may give a model. */
export const modelNames: readonly string[] = [...models.keys(), ...datedIds.keys()];

/** The model behind an id or a dated id; undefined when it is not known here, whatever the provider says. */
export function findModel(id: string): Model | undefined {
  return models.get(datedIds.get(id) ?? id);
}

/**
 * The `thinking` parameter that keeps a model from thinking before it answers, or null where it cannot be kept from it
 * (then nothing is sent, and `max_tokens` needs room for the thinking).
 */
export function thinkingOff(model: Model): { type: "disabled" | "between_tools" } | null {
  if (model.thinking.includes("disabled")) return { type: "disabled" };
  return model.thinking.includes("between_tools") ? { type: "between_tools" } : null;
}
