// Right-sizing `max_tokens`. A hold reserves the whole of it, and answers rarely use it: where a job type asks for it, the cap that is
// sent follows the lengths seen. A cap that cuts an answer has paid for nothing, so it is set where almost none is cut, gives one
// more turn with the declared cap to the one that is, and gives itself up when it cuts too many.
//
// Lengths are kept as counts by class, each class a twentieth wider than the one before, so that a record is a few hundred numbers
// whatever it has seen. An answer that was cut is longer than anyone knows and counts in the last class, above every cap.

export const rightSizing = {
  /** Lengths below which nothing is known well enough: the 99.5th percentile of fewer is one answer. */
  samplesMin: 200,
  /** Share of answers the observed length covers, in tenths of a percent; the slack is on top of that. */
  coveredPerMille: 995,
  slackPercent: 125,
  /** No cap is lower: the envelope of an answer alone is some thirty tokens. */
  floorTokens: 64,
  /** Beyond so many samples all counts are halved: what was seen long ago fades. */
  samplesMax: 20_000,
  /** Share of answers under a cap that may be cut, in percent, and the answers it is measured over. */
  truncatedPercentMax: 1,
  windowMin: 200,
  windowMax: 2_000,
  /** A paid turn in the batch lane may take as long as the provider's batches live. */
  batchTurnMs: 24 * 3_600_000,
} as const;

const tokensMax = 300_000;
const edges = makeEdges();

/** Longest length of each class, ascending. */
function makeEdges(): number[] {
  const made: number[] = [];
  for (let edge = 1; (made.at(-1) ?? 0) < tokensMax; edge = Math.max(edge + 1, Math.ceil(edge * 1.05)))
    made.push(edge);
  return made;
}

/** Lengths seen, by class; the last counts the answers that were cut. */
export type Lengths = readonly number[];

const noLengths: Lengths = Array.from({ length: edges.length + 1 }, () => 0);

/** Answers of one length. */
export interface SeenLength {
  readonly tokens: number;
  readonly truncated: boolean;
  /** Sent with a cap below the declared one. */
  readonly sized: boolean;
  readonly answers: number;
}

/** What is known of the answers of one job type, prompt version and model. */
export interface SizeRecord {
  readonly lengths: Lengths;
  /** Answers under an effective cap in the present window, and those of them that it cut. */
  readonly sized: number;
  readonly truncated: number;
  /** Why it is off, once it has switched itself off. */
  readonly offReason: string | null;
}

export const noRecord: SizeRecord = { lengths: noLengths, sized: 0, truncated: 0, offReason: null };

export const samplesOf = ({ lengths }: Pick<SizeRecord, "lengths">): number =>
  lengths.reduce((sum, count) => sum + count, 0);

/** The record with further answers. Switches itself off where the caps cut too many. */
export function addLengths(record: SizeRecord, seen: readonly SeenLength[]): SizeRecord {
  // Lengths by other classes than today's say nothing.
  const lengths = [...(record.lengths.length === noLengths.length ? record.lengths : noLengths)];
  let { sized, truncated } = record;
  for (const { tokens, truncated: wasCut, sized: wasSized, answers } of seen) {
    const at = wasCut ? edges.length : classOf(tokens);
    lengths[at] = (lengths[at] ?? 0) + answers;
    if (wasSized) sized += answers;
    if (wasSized && wasCut) truncated += answers;
  }
  const offReason = record.offReason ?? cutsTooMany(sized, truncated);
  const isOver = sized > rightSizing.windowMax;
  return {
    lengths:
      samplesOf({ lengths }) > rightSizing.samplesMax ? lengths.map((n) => Math.floor(n / 2)) : lengths,
    sized: isOver ? Math.floor(sized / 2) : sized,
    truncated: isOver ? Math.floor(truncated / 2) : truncated,
    offReason,
  };
}

/** Measured over a whole window even before it is full: what is above a percent of it already stays above. */
function cutsTooMany(sized: number, truncated: number): string | null {
  const window = Math.max(sized, rightSizing.windowMin);
  if (truncated * 100 <= window * rightSizing.truncatedPercentMax) return null;
  return `${truncated} of ${sized} answers were cut by the effective cap, above ${rightSizing.truncatedPercentMax} %`;
}

/** The class a length falls into: the first whose longest is not shorter. */
function classOf(tokens: number): number {
  let low = 0;
  let high = edges.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle] ?? 0) >= tokens) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The cap that the lengths seen allow; null while the declared one stands. */
export function observedCap(record: SizeRecord, declaredTokens: number): number | null {
  const samples = samplesOf(record);
  if (record.offReason !== null || samples < rightSizing.samplesMin) return null;
  const covered = Math.ceil((samples * rightSizing.coveredPerMille) / 1_000);
  let sum = 0;
  const at = edges.findIndex((_, index) => (sum += record.lengths[index] ?? 0) >= covered);
  const longest = edges[at];
  // So many were cut that their length decides: it is above every cap.
  if (longest === undefined) return null;
  const cap = Math.max(rightSizing.floorTokens, Math.ceil((longest * rightSizing.slackPercent) / 100));
  return cap < declaredTokens ? cap : null;
}

/** A job about to be sent, as far as its cap goes. */
export interface SizedJob {
  readonly declaredTokens: number;
  readonly attemptsPaid: number;
  readonly attemptsMax: number;
  /** It was cut by an effective cap before. */
  readonly fullCap: boolean;
  readonly deadlineAt: Date | null;
}

/**
 * The cap to send a job with: the observed one where it leaves room for a second turn with the declared one, in attempts and in time.
 * `turnMs`: what one paid turn may take.
 */
export function effectiveCap(
  job: SizedJob,
  observed: number | null,
  { now, turnMs }: { now: Date; turnMs: number },
): number {
  const { declaredTokens, deadlineAt } = job;
  if (observed === null || observed >= declaredTokens || job.fullCap) return declaredTokens;
  if (job.attemptsPaid + 2 > job.attemptsMax) return declaredTokens;
  if (deadlineAt !== null && deadlineAt.getTime() - now.getTime() < 2 * turnMs) return declaredTokens;
  return observed;
}

/** Why a job whose answer was cut by its effective cap goes back: once, and with the declared cap. */
export const cutByCap = "cut_by_cap";
