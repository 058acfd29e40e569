// What a quote says beside the worst case, which is exact: estimates, each with what it rests on.
//
// The expected cost is the worst case times the share of it that such jobs really cost lately. Without enough of them a prior is
// taken: the bound counts bytes, of which a token of ordinary text has about four, and answers rarely fill their max_tokens.

import { type Lane, lanes } from "./job.ts";

/** Below so many attempts the share is chance. */
const attemptsMin = 20;
/** In per mille of the worst case. */
const priorShare = 300n;
/** Most message batches end within the hour. Source: the provider's page on batch processing. */
const priorBatchS = 3_600;

/** What attempts of one lane came to lately. */
export interface Observed {
  readonly lane: Lane;
  readonly attempts: number;
  readonly costNano: bigint;
  readonly worstNano: bigint;
  /** Median seconds from forming a message batch to its last result. */
  readonly batchS: number | null;
}

export interface LoadByLane {
  readonly realtime: { readonly jobs: number; readonly worstNano: bigint };
  readonly batch: { readonly jobs: number; readonly worstNano: bigint };
}

/** The expected cost in nano-dollars, never above the worst case; `samples` 0: a prior. */
export function expectedCost(
  load: LoadByLane,
  observed: readonly Observed[],
): { nano: bigint; samples: number } {
  let nano = 0n;
  let samples = Infinity;
  for (const lane of lanes) {
    const { jobs, worstNano } = load[lane];
    if (jobs === 0) continue;
    const seen = observed.find((one) => one.lane === lane);
    const known = seen !== undefined && seen.attempts >= attemptsMin && seen.worstNano > 0n;
    const expected = known ? (worstNano * seen.costNano) / seen.worstNano : (worstNano * priorShare) / 1_000n;
    nano += expected < worstNano ? expected : worstNano;
    samples = Math.min(samples, known ? seen.attempts : 0);
  }
  return { nano, samples: Number.isFinite(samples) ? samples : 0 };
}

export interface Speed {
  /** Realtime calls per minute of the whole installation. */
  readonly requestsPerMinute: number;
  /** Realtime jobs of this queue that wait or run before this bulk. */
  readonly realtimeAhead: number;
}

/** Seconds until the last job of each lane ends, if nothing else is in the way; null for a lane without jobs. */
export function timeToFinish(
  load: LoadByLane,
  observed: readonly Observed[],
  speed: Speed,
): Record<Lane, number | null> {
  const calls = load.realtime.jobs + speed.realtimeAhead;
  const batchS = observed.find(({ batchS: seconds }) => seconds !== null)?.batchS ?? priorBatchS;
  return {
    realtime: load.realtime.jobs === 0 ? null : Math.ceil((calls * 60) / speed.requestsPerMinute),
    batch: load.batch.jobs === 0 ? null : Math.ceil(batchS),
  };
}

/** What limits a bulk: money that is short now, else what its last job waits for. */
export type Binding =
  | { readonly kind: "budget"; readonly budgetId: string; readonly availableNano: bigint }
  | { readonly kind: "rate" | "batch" };

/** The limit that binds. `rooms`: what is left now in each budget the bulk is under. */
export function bindingLimit(
  worstNano: bigint,
  rooms: readonly { readonly budgetId: string; readonly availableNano: bigint }[],
  finish: Readonly<Record<Lane, number | null>>,
): Binding {
  const [tightest] = rooms.toSorted((a, b) => (a.availableNano < b.availableNano ? -1 : 1));
  if (tightest !== undefined && tightest.availableNano < worstNano) return { kind: "budget", ...tightest };
  return { kind: (finish.realtime ?? 0) > (finish.batch ?? 0) ? "rate" : "batch" };
}
