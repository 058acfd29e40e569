/** What a simulator can be told at start, the three profiles, and the resolved form the rest of it reads. */
import { resolveLimits } from "./limit-settings.ts";
import type { LimitSettings, LimitsPatch, Tier } from "./limit-settings.ts";

export type Profile = "strict" | "lenient" | "fast";

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Shares of answers (0 to 1) that end in another way than a good answer. */
export interface Shares {
  readonly refusal: number;
  readonly truncated: number;
  readonly errored: number;
  readonly expired: number;
  readonly pause_turn: number;
}

/** Everything that can be changed while the simulator runs (`POST /_sim/behaviour`). Times are virtual milliseconds. */
export interface Behaviour {
  latencyMs: Range;
  /** From creation to end of a message batch. */
  batchDurationMs: Range;
  /** From the cancel to the end of a cancelled batch. */
  cancelDelayMs: number;
  /** Share of the unfinished lines of a cancelled batch that still succeed, and are billed. */
  cancelLateShare: number;
  counters: "frozen" | "moving";
  /** How long retrieve, cancel and results answer 404 for a batch that was just accepted. */
  createHiddenMs: number;
  /** How long the list leaves out a batch that was just accepted. */
  listLagMs: number;
  /** How long results answer 404 after a batch has ended. */
  resultsLagMs: number;
  /** The `retry-after` of a poll of a batch in progress, in seconds. */
  pollRetryAfterS: number;
  shuffled: boolean;
  /** How fast the body of a create is read, in bytes per virtual second; 0: as fast as it comes. Counts for uploads under way, too. */
  uploadBytesPerS: number;
  shares: Shares;
  /** Output text is stretched by a log-normal factor of this sigma; 0 leaves answers as they are. */
  outputSigma: number;
  /** What count_tokens answers, as a share of what will be billed; drawn by the text between the two. */
  countShare: Range;
}

export interface SimulatorOptions extends Partial<Omit<Behaviour, "shares">> {
  readonly port?: number;
  readonly host?: string;
  readonly profile?: Profile;
  readonly seed?: number;
  readonly shares?: Partial<Shares>;
  /** Rate limits: a documented tier, then what differs from it. */
  readonly tier?: Tier;
  readonly limits?: LimitsPatch;
  /** When given, every other key is refused with 401. */
  readonly keys?: readonly string[];
  /** Key to workspace; a key that is not named has a workspace of its own. */
  readonly workspaces?: Readonly<Record<string, string>>;
  readonly startMs?: number;
  readonly clockRate?: number;
  /** Refuse output schemas with keywords the API does not support (default: true). */
  readonly schemaStrict?: boolean;
  readonly logEntriesMax?: number;
  readonly billedItemsMax?: number;
}

export interface Settings {
  readonly profile: Profile;
  readonly strict: boolean;
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  readonly limits: LimitSettings;
  readonly keys: ReadonlySet<string> | null;
  readonly workspaces: Readonly<Record<string, string>>;
  readonly startMs: number;
  readonly clockRate: number;
  readonly schemaStrict: boolean;
  readonly logEntriesMax: number;
  readonly billedItemsMax: number;
}

const secondMs = 1_000;
const minuteMs = 60 * secondMs;

const noShares: Shares = { refusal: 0, truncated: 0, errored: 0, expired: 0, pause_turn: 0 };

const strict: Behaviour = {
  latencyMs: { min: 300, max: 1_200 },
  batchDurationMs: { min: 3 * minuteMs, max: 11 * minuteMs },
  cancelDelayMs: 25 * secondMs,
  cancelLateShare: 0.1,
  counters: "frozen",
  createHiddenMs: 0,
  listLagMs: 0,
  resultsLagMs: 0,
  pollRetryAfterS: 10,
  shuffled: true,
  uploadBytesPerS: 0,
  shares: noShares,
  outputSigma: 0,
  countShare: { min: 1, max: 1 },
};

const profiles: Readonly<Record<Profile, Behaviour>> = {
  strict,
  fast: {
    ...strict,
    latencyMs: { min: 5, max: 25 },
    batchDurationMs: { min: secondMs, max: 3 * secondMs },
    cancelDelayMs: 500,
    counters: "moving",
    pollRetryAfterS: 1,
  },
  lenient: {
    ...strict,
    latencyMs: { min: 0, max: 0 },
    batchDurationMs: { min: 0, max: 0 },
    cancelDelayMs: 0,
  },
};

/** The profile's behaviour with whatever the options say instead. */
export const resolveBehaviour = (options: SimulatorOptions): Behaviour => {
  const base = profiles[options.profile ?? "strict"];
  const names = new Set(Object.keys(base));
  const said = Object.entries(options).filter(([name, value]) => names.has(name) && value !== undefined);
  return { ...base, ...Object.fromEntries(said), shares: { ...base.shares, ...options.shares } };
};

const standing = {
  host: "127.0.0.1",
  port: 0,
  seed: 1,
  workspaces: {},
  clockRate: 1,
  schemaStrict: true,
  logEntriesMax: 50_000,
  billedItemsMax: 100_000,
} as const;

export const resolveSettings = (options: SimulatorOptions): Settings => {
  const { profile = "strict", keys, tier, limits, startMs = Date.now() } = options;
  const said = { ...standing, ...options };
  return {
    profile,
    strict: profile !== "lenient",
    host: said.host,
    port: said.port,
    seed: said.seed,
    limits: resolveLimits(tier ?? (profile === "strict" ? "start" : "unlimited"), limits),
    keys: keys === undefined ? null : new Set(keys),
    workspaces: said.workspaces,
    startMs,
    clockRate: said.clockRate,
    schemaStrict: said.schemaStrict,
    logEntriesMax: said.logEntriesMax,
    billedItemsMax: said.billedItemsMax,
  };
};
