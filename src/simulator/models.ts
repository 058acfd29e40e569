/** The catalogue of models: limits, life cycle and what each accepts. Source: the provider's model pages of autumn 2026. */
import type { VirtualClock } from "./clock.ts";

export interface Model {
  readonly id: string;
  readonly name: string;
  readonly line: "haiku" | "sonnet" | "opus" | "fable" | "mythos";
  /** Rate limit pool; several models may share one. */
  readonly pool: string;
  readonly contextTokens: number;
  readonly outputTokensMax: number;
  readonly createdAt: string;
  readonly deprecatedAt: string | null;
  readonly retiresAt: string | null;
  /** 4.7 and later cut the same text into about 30 % more tokens. */
  readonly denseTokens: boolean;
  readonly minCacheTokens: number;
  readonly adaptive: boolean;
  readonly budgetThinking: boolean;
  readonly thinkingOff: boolean;
  /** How often a thinking block comes although none was asked for. */
  readonly thinksUnasked: "always" | "sometimes" | "never";
  readonly forcedTools: boolean;
  readonly prefill: boolean;
  readonly geo: boolean;
}

type Traits = Partial<Model> & Pick<Model, "id" | "name" | "line" | "pool" | "createdAt">;

const modern = {
  contextTokens: 1_000_000,
  outputTokensMax: 128_000,
  deprecatedAt: null,
  retiresAt: null,
  denseTokens: true,
  minCacheTokens: 512,
  adaptive: true,
  budgetThinking: false,
  thinkingOff: true,
  thinksUnasked: "sometimes",
  forcedTools: true,
  prefill: false,
  geo: true,
} as const;
const alwaysThinking = { thinkingOff: false, thinksUnasked: "always" } as const;
const four = { ...modern, minCacheTokens: 4_096, thinksUnasked: "never" } as const;
const fourSix = { ...four, denseTokens: false, budgetThinking: true } as const;
const fourFive = {
  ...fourSix,
  contextTokens: 200_000,
  outputTokensMax: 64_000,
  adaptive: false,
  prefill: true,
  geo: false,
} as const;

const model = (base: Omit<Model, "id" | "name" | "line" | "pool" | "createdAt">, traits: Traits): Model => ({
  ...base,
  ...traits,
});

const catalogue: readonly Model[] = [
  model(modern, {
    id: "claude-fable-5-2",
    name: "Claude Fable 5.2",
    line: "fable",
    pool: "fable-5",
    createdAt: "2026-11-09",
    ...alwaysThinking,
  }),
  model(modern, {
    id: "claude-mythos-5-2",
    name: "Claude Mythos 5.2",
    line: "mythos",
    pool: "mythos-5",
    createdAt: "2026-11-09",
    ...alwaysThinking,
  }),
  model(modern, {
    id: "claude-haiku-5-5",
    name: "Claude Haiku 5.5",
    line: "haiku",
    pool: "haiku-5-5",
    createdAt: "2026-10-07",
  }),
  model(modern, {
    id: "claude-sonnet-5-5",
    name: "Claude Sonnet 5.5",
    line: "sonnet",
    pool: "sonnet-5-5",
    createdAt: "2026-09-28",
    forcedTools: false,
  }),
  model(modern, {
    id: "claude-opus-5-5",
    name: "Claude Opus 5.5",
    line: "opus",
    pool: "opus-5-5",
    createdAt: "2026-09-22",
    forcedTools: false,
    ...alwaysThinking,
  }),
  model(modern, {
    id: "claude-fable-5-1",
    name: "Claude Fable 5.1",
    line: "fable",
    pool: "fable-5",
    createdAt: "2026-09-01",
    forcedTools: false,
    ...alwaysThinking,
  }),
  model(modern, {
    id: "claude-mythos-5-1",
    name: "Claude Mythos 5.1",
    line: "mythos",
    pool: "mythos-5",
    createdAt: "2026-09-01",
    forcedTools: false,
    ...alwaysThinking,
  }),
  model(modern, {
    id: "claude-sonnet-5",
    name: "Claude Sonnet 5",
    line: "sonnet",
    pool: "sonnet-5",
    createdAt: "2026-07-24",
  }),
  model(modern, {
    id: "claude-opus-5",
    name: "Claude Opus 5",
    line: "opus",
    pool: "opus-5",
    createdAt: "2026-07-24",
  }),
  model(modern, {
    id: "claude-fable-5",
    name: "Claude Fable 5",
    line: "fable",
    pool: "fable-5",
    createdAt: "2026-06-15",
    ...alwaysThinking,
  }),
  model(modern, {
    id: "claude-mythos-5",
    name: "Claude Mythos 5",
    line: "mythos",
    pool: "mythos-5",
    createdAt: "2026-06-15",
    ...alwaysThinking,
  }),
  model(four, {
    id: "claude-opus-4-8",
    name: "Claude Opus 4.8",
    line: "opus",
    pool: "opus-4",
    createdAt: "2026-05-20",
  }),
  model(four, {
    id: "claude-opus-4-7",
    name: "Claude Opus 4.7",
    line: "opus",
    pool: "opus-4",
    createdAt: "2026-04-16",
  }),
  model(fourSix, {
    id: "claude-sonnet-4-6",
    name: "Claude Sonnet 4.6",
    line: "sonnet",
    pool: "sonnet-4",
    createdAt: "2026-02-17",
    minCacheTokens: 2_048,
  }),
  model(fourSix, {
    id: "claude-opus-4-6",
    name: "Claude Opus 4.6",
    line: "opus",
    pool: "opus-4",
    createdAt: "2026-02-05",
  }),
  model(fourFive, {
    id: "claude-opus-4-5-20251101",
    name: "Claude Opus 4.5",
    line: "opus",
    pool: "opus-4",
    createdAt: "2025-11-24",
  }),
  model(fourFive, {
    id: "claude-haiku-4-5-20251001",
    name: "Claude Haiku 4.5",
    line: "haiku",
    pool: "haiku-4-5",
    createdAt: "2025-10-15",
  }),
  model(fourFive, {
    id: "claude-sonnet-4-5-20250929",
    name: "Claude Sonnet 4.5",
    line: "sonnet",
    pool: "sonnet-4",
    createdAt: "2025-09-29",
    minCacheTokens: 1_024,
    deprecatedAt: "2026-09-01",
    retiresAt: "2026-11-30",
  }),
  model(fourFive, {
    id: "claude-opus-4-1-20250805",
    name: "Claude Opus 4.1",
    line: "opus",
    pool: "opus-4",
    createdAt: "2025-08-05",
    minCacheTokens: 1_024,
    deprecatedAt: "2026-06-05",
    retiresAt: "2026-08-05",
  }),
  model(fourFive, {
    id: "claude-sonnet-4-20250514",
    name: "Claude Sonnet 4",
    line: "sonnet",
    pool: "sonnet-4",
    createdAt: "2025-05-22",
    minCacheTokens: 1_024,
    deprecatedAt: "2026-04-14",
    retiresAt: "2026-06-15",
  }),
];

const aliases: Readonly<Record<string, string>> = {
  "claude-opus-4-5": "claude-opus-4-5-20251101",
  "claude-haiku-4-5": "claude-haiku-4-5-20251001",
  "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
  "claude-opus-4-1": "claude-opus-4-1-20250805",
  "claude-sonnet-4-0": "claude-sonnet-4-20250514",
};

const byId = new Map(catalogue.map((entry) => [entry.id, entry]));

export const findModel = (id: string): Model | undefined => byId.get(aliases[id] ?? id);

/** Newest first, as the API lists them. */
export const allModels = (): readonly Model[] => catalogue;

export type Lifecycle = "active" | "deprecated" | "retired";

export const lifecycleOf = (entry: Model, clock: VirtualClock): Lifecycle => {
  const now = clock.now();
  if (entry.retiresAt !== null && Date.parse(entry.retiresAt) <= now) return "retired";
  if (entry.deprecatedAt !== null && Date.parse(entry.deprecatedAt) <= now) return "deprecated";
  return "active";
};
