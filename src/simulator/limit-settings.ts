/** Rate limits as numbers: the documented tiers and what a test may set instead. Values are per minute. */
export type Tier = "start" | "build" | "scale" | "unlimited";

export interface PoolLimit {
  readonly rpm: number;
  readonly itpm: number;
  readonly otpm: number;
}

export interface LimitSettings {
  /** For every pool that is not named. */
  readonly standard: PoolLimit;
  readonly pools: Readonly<Record<string, PoolLimit>>;
  readonly batchRpm: number;
  /** Lines waiting in batches that have not ended. */
  readonly batchQueueMax: number;
  readonly batchLinesMax: number;
  /** Of a create's body, after decoding. */
  readonly batchBytesMax: number;
  readonly countTokensRpm: number;
  /** A bucket holds what refills in this many seconds; 60 is a full minute, 1 enforces "60 a minute" as one a second. */
  readonly bucketSeconds: number;
}

export interface LimitsPatch extends Partial<Omit<LimitSettings, "standard" | "pools">> {
  readonly standard?: Partial<PoolLimit>;
  readonly pools?: Readonly<Record<string, Partial<PoolLimit>>>;
}

const endless = 1_000_000_000;
const fable = {
  start: { rpm: 1_000, itpm: 500_000, otpm: 100_000 },
  build: { rpm: 2_000, itpm: 1_500_000, otpm: 300_000 },
  scale: { rpm: 4_000, itpm: 4_000_000, otpm: 800_000 },
};

const tierOf = (
  standard: PoolLimit,
  special: PoolLimit,
  batch: readonly [rpm: number, queue: number, count: number],
): LimitSettings => ({
  standard,
  pools: { "fable-5": special, "mythos-5": special },
  batchRpm: batch[0],
  batchQueueMax: batch[1],
  batchLinesMax: 100_000,
  batchBytesMax: 256 * 1024 * 1024,
  countTokensRpm: batch[2],
  bucketSeconds: 60,
});

const unlimited: PoolLimit = { rpm: endless, itpm: endless, otpm: endless };

const tiers: Readonly<Record<Tier, LimitSettings>> = {
  start: tierOf({ rpm: 1_000, itpm: 2_000_000, otpm: 400_000 }, fable.start, [1_000, 200_000, 5_000]),
  build: tierOf({ rpm: 5_000, itpm: 5_000_000, otpm: 1_000_000 }, fable.build, [2_000, 300_000, 10_000]),
  scale: tierOf({ rpm: 10_000, itpm: 10_000_000, otpm: 2_000_000 }, fable.scale, [4_000, 500_000, 20_000]),
  unlimited: tierOf(unlimited, unlimited, [endless, endless, endless]),
};

/** A patch laid over settings; pools that are named get the standard for what they leave out. */
export const patchLimits = (settings: LimitSettings, patch: LimitsPatch): LimitSettings => {
  const standard = { ...settings.standard, ...patch.standard };
  const pools = { ...settings.pools };
  for (const [name, limit] of Object.entries(patch.pools ?? {}))
    pools[name] = { ...(pools[name] ?? standard), ...limit };
  const { standard: _standard, pools: _pools, ...rest } = patch;
  return { ...settings, ...rest, standard, pools };
};

export const resolveLimits = (tier: Tier, patch: LimitsPatch | undefined): LimitSettings =>
  patchLimits(tiers[tier], patch ?? {});
