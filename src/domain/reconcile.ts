// Our books beside the provider's figures: what differs, what of it is explained, and what nobody can explain.
//
// Both sides are laid on UTC days by when the provider answered. What explains a difference:
//   presumed      attempts booked at their worst case because nobody knows their end: we may be above by that much
//   in progress   attempts that have no end yet, and batches whose results are not fetched: we may be below by their worst case
//   carried over  work that began in one window and ended in the next: by batch, exactly, where the provider's figures name the
//                 batch; else up to what was settled for work that ran over the border
//   uncertain     a figure made of sums whose price tier cannot be told, and the rounding of each attempt up to a nano-dollar
// A window explains only its own: an error that two models or days share out between them shows in both.

import type { Lane } from "./job.ts";

/** What the provider says it computed. */
export interface ProviderFigure {
  /** UTC, such as 2026-11-25. */
  readonly day: string;
  readonly model: string;
  readonly lane: Lane;
  /** The provider's id of the message batch; null in real time, and where its figures do not say. */
  readonly batchId: string | null;
  readonly nano: bigint;
  /** How much more it may be: the dearer tier of sums that do not tell their tier. */
  readonly uncertainNano: bigint;
}

export interface ProviderFigures {
  readonly figures: readonly ProviderFigure[];
  /** Whether they name the batch. */
  readonly byBatch: boolean;
  /** Whether they are sums priced by our own table: each of our attempts may then be above its share by one nano-dollar. */
  readonly sums: boolean;
  /** Models of theirs that our table has no price for. */
  readonly unpriced: readonly string[];
}

/** What the ledger says of attempts that ended on one day. */
export interface LedgerFigure {
  readonly day: string;
  /** The day on which they began. */
  readonly since: string;
  readonly model: string;
  readonly lane: Lane;
  readonly batchId: string | null;
  readonly attempts: number;
  readonly settledNano: bigint;
  readonly presumedNano: bigint;
  /** The worst case of attempts that have no end yet. */
  readonly openNano: bigint;
}

/** Whole UTC days, the last one not included. */
export interface DaySpan {
  readonly since: string;
  readonly until: string;
}

export const comparedBy = ["whole", "model", "day", "batch"] as const;

export interface ComparedRow {
  readonly by: (typeof comparedBy)[number];
  readonly name: string;
  readonly settledNano: bigint;
  readonly presumedNano: bigint;
  readonly providerNano: bigint;
  /** Ours less theirs. */
  readonly differenceNano: bigint;
  readonly explainedNano: bigint;
  readonly unexplainedNano: bigint;
  /** Of the larger of the two sides, in hundredths of a percent. */
  readonly unexplainedBasisPoints: number;
  /** What the explanation is made of. */
  readonly because: readonly string[];
}

/** Compares by whole span, model, day and, where the provider's figures name it, by batch. */
export function compareBooks(
  ours: readonly LedgerFigure[],
  theirs: ProviderFigures,
  span: DaySpan,
): ComparedRow[] {
  const balanced = theirs.byBatch ? balancedBatches(ours, theirs.figures) : new Set<string>();
  const inSpan = (day: string): boolean => day >= span.since && day < span.until;
  const terms = (by: ComparedRow["by"], name: string, window: DaySpan): Terms => ({
    by,
    name,
    window,
    theirs,
    balanced,
  });
  const rows = [compare(ours, theirs.figures, terms("whole", "", span))];
  for (const [model, [mine, other]] of grouped(ours, theirs.figures, (each) => each.model))
    rows.push(compare(mine, other, terms("model", model, span)));
  for (const day of daysOf([...ours, ...theirs.figures].map((each) => each.day)).filter(inSpan))
    rows.push(compare(ours, theirs.figures, terms("day", day, { since: day, until: dayAfter(day) })));
  if (theirs.byBatch)
    for (const [batch, [mine, other]] of grouped(ours, theirs.figures, (each) => each.batchId))
      rows.push(compare(mine, other, terms("batch", batch, span)));
  return rows.filter(
    (row) => row.by === "whole" || row.providerNano > 0n || row.settledNano + row.presumedNano > 0n,
  );
}

interface Terms {
  readonly by: ComparedRow["by"];
  readonly name: string;
  readonly window: DaySpan;
  readonly theirs: ProviderFigures;
  /** Batches on which both sides agree as a whole, so that a day on which they differ is the other day's. */
  readonly balanced: ReadonlySet<string>;
}

function compare(
  ours: readonly LedgerFigure[],
  figures: readonly ProviderFigure[],
  terms: Terms,
): ComparedRow {
  const within = ({ day }: { day: string }): boolean => day >= terms.window.since && day < terms.window.until;
  const [mine, other] = [ours.filter(within), figures.filter(within)];
  const settledNano = sum(mine, (each) => each.settledNano);
  const presumedNano = sum(mine, (each) => each.presumedNano);
  const providerNano = sum(other, (each) => each.nano);
  const differenceNano = settledNano + presumedNano - providerNano;
  const shifted = shiftOf(mine, other, terms.balanced);
  const reasons = reasonsFor(ours, other, { ...terms, differenceNano: differenceNano - shifted, mine });
  const rest = differenceNano - shifted;
  const allowed = reasons.reduce((all, reason) => all + reason.nano, 0n);
  const left = rest < 0n ? least(rest + allowed, 0n) : most(rest - allowed, 0n);
  const unexplainedNano = left < 0n ? -left : left;
  const larger = most(most(providerNano, settledNano + presumedNano), 1n);
  return {
    by: terms.by,
    name: terms.name,
    settledNano,
    presumedNano,
    providerNano,
    differenceNano,
    explainedNano: differenceNano - left,
    unexplainedNano,
    unexplainedBasisPoints: Number((unexplainedNano * 10_000n + larger - 1n) / larger),
    because: [
      ...(shifted === 0n ? [] : ["carried over by batch"]),
      ...(rest === 0n ? [] : reasons.filter((reason) => reason.nano > 0n).map((reason) => reason.name)),
    ],
  };
}

interface Reason {
  readonly name: string;
  readonly nano: bigint;
}

/** How far our side may be above (or below) theirs in a window, and why. */
function reasonsFor(
  ours: readonly LedgerFigure[],
  other: readonly ProviderFigure[],
  terms: Terms & { differenceNano: bigint; mine: readonly LedgerFigure[] },
): Reason[] {
  const { window, theirs, mine } = terms;
  const overBorder = ours.filter(
    (each) =>
      each.since < window.until &&
      each.day >= window.since &&
      (each.since < window.since || each.day >= window.until) &&
      !(theirs.byBatch && each.batchId !== null),
  );
  const carried = { name: "carried over", nano: sum(overBorder, (each) => each.settledNano) };
  const uncertain = { name: "price tier of sums", nano: sum(other, (each) => each.uncertainNano) };
  if (terms.differenceNano > 0n)
    return [
      { name: "presumed", nano: sum(mine, (each) => each.presumedNano) },
      carried,
      uncertain,
      {
        name: "rounding",
        nano: theirs.sums ? BigInt(mine.reduce((all, each) => all + each.attempts, 0)) : 0n,
      },
    ];
  const open = ours.filter((each) => each.since < window.until && each.day >= window.since);
  return [{ name: "in progress", nano: sum(open, (each) => each.openNano) }, carried];
}

/** What batches that agree as a whole have on other days of ours than of theirs, in a window; exact, and zero over all windows. */
function shiftOf(
  mine: readonly LedgerFigure[],
  other: readonly ProviderFigure[],
  balanced: ReadonlySet<string>,
): bigint {
  const agreed = (each: { batchId: string | null }): boolean =>
    each.batchId !== null && balanced.has(each.batchId);
  return (
    sum(mine.filter(agreed), (each) => each.settledNano + each.presumedNano) -
    sum(other.filter(agreed), (each) => each.nano)
  );
}

function balancedBatches(ours: readonly LedgerFigure[], figures: readonly ProviderFigure[]): Set<string> {
  const equal = [...grouped(ours, figures, (each) => each.batchId)].filter(
    ([, [mine, other]]) =>
      sum(mine, (each) => each.settledNano + each.presumedNano) === sum(other, (each) => each.nano),
  );
  return new Set(equal.map(([batchId]) => batchId));
}

function grouped(
  ours: readonly LedgerFigure[],
  figures: readonly ProviderFigure[],
  keyOf: (each: { model: string; batchId: string | null }) => string | null,
): Map<string, [LedgerFigure[], ProviderFigure[]]> {
  const groups = new Map<string, [LedgerFigure[], ProviderFigure[]]>();
  const of = (key: string): [LedgerFigure[], ProviderFigure[]] => {
    const known = groups.get(key) ?? [[], []];
    groups.set(key, known);
    return known;
  };
  for (const each of ours) {
    const key = keyOf(each);
    if (key !== null) of(key)[0].push(each);
  }
  for (const each of figures) {
    const key = keyOf(each);
    if (key !== null) of(key)[1].push(each);
  }
  return groups;
}

const daysOf = (days: readonly string[]): string[] => [...new Set(days)].toSorted();

/** The next UTC day. */
export const dayAfter = (day: string): string => dayText(Date.parse(`${day}T00:00:00Z`) + 86_400_000);

/** The UTC day of an instant in Unix milliseconds. */
export const dayText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const sum = <Item>(items: readonly Item[], nanoOf: (item: Item) => bigint): bigint =>
  items.reduce((all, item) => all + nanoOf(item), 0n);
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
