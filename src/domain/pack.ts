// Which waiting lines go into the next message batch, and when it is time to send it. Pure: the collector reads rows, asks here,
// and writes what comes out.
//
// Bulks take turns line by line, so that a pack cut short by its bytes carries some of everybody. A pack is sent at once when it
// is full or when it completes a bulk worth waiting for; else it lingers, because a batch of three lines has the turnaround of a
// batch of ten thousand. Lines of a batch that the provider refused whole go back into ever smaller packs of their own kind: one
// of them may be the reason, and eight times smaller finds it in a handful of tries without holding up the others. Lines that may be
// refused for their model go with lines of that model only, so that a refusal says which it was and takes no other with it.

/** What packing needs to know of a waiting line. */
export interface WaitingLine {
  readonly id: string;
  readonly bulkId: string;
  readonly requestBytes: number;
  /** When it began to wait, Unix milliseconds. */
  readonly queuedAtMs: number;
  /** Attempts made so far: a line that was tried before does not complete its bulk. */
  readonly attemptNo: number;
  readonly tries: number;
  readonly retryReason: string | null;
  /** The model it may only go together with; null: it goes with any. */
  readonly apart: string | null;
}

export interface PackLimits {
  readonly linesMax: number;
  /** Of the whole body. */
  readonly bytesMax: number;
}

/** Why a pack is to be sent now; null: it may wait. */
export type Ripeness = "full" | "bulk_complete" | "lingered" | "apart";

/** The reason that marks the lines of a batch the provider refused whole. */
export const batchRefused = "batch_refused";
/** The reason that marks the lines of a batch that was refused for its model where it named several: which one is not said. */
export const mixedRefused = "mixed_refused";
/** A refused pack is cut into packs this many times smaller. */
const refusedShrink = 8;
/** A bulk of fewer lines is no reason to send a pack early. */
const completeBulkLinesMin = 100;

const bodyHead = '{"requests":[';
const bodyTail = "]}";
const idChars = 26;
/** `{"custom_id":"<batch>-<job>","params":}` and the comma before the next line. */
const lineFrameBytes = '{"custom_id":"","params":}'.length + 2 * idChars + 1 + ",".length;

/** The body's pieces, for whoever writes it: the arithmetic of {@link bodyBytes} rests on them. */
export const bodyFrame = {
  head: bodyHead,
  tail: bodyTail,
  /** One line; `params` is JSON text. */
  line: (customId: string, params: string): string => `{"custom_id":"${customId}","params":${params}}`,
} as const;

/** What a line takes in the body, its separator included, in bytes. */
export const lineBytes = (requestBytes: number): number => requestBytes + lineFrameBytes;

/** The exact length of the body that carries these requests, in bytes. */
export function bodyBytes(lines: readonly { readonly requestBytes: number }[]): number {
  const separators = lines.length > 0 ? -1 : 0;
  return lines.reduce(
    (sum, line) => sum + line.requestBytes + lineFrameBytes,
    bodyHead.length + bodyTail.length + separators,
  );
}

/** The name a line has at the provider: unique for ever, and proof of whose it is. */
export const customIdOf = (batchId: string, jobId: string): string => `${batchId}-${jobId}`;

/** Reads such a name; null for one that Sluice never gave. */
export function readCustomId(customId: string): { batchId: string; jobId: string } | null {
  const match = /^([0-9a-z]{26})-([0-9a-z]{26})$/.exec(customId);
  return match === null ? null : { batchId: match[1] ?? "", jobId: match[2] ?? "" };
}

/** Picks lines from the heads of the groups (one a bulk, in its order), in turns, until a limit is reached. */
export function pack<Line extends WaitingLine>(
  groups: readonly (readonly Line[])[],
  limits: PackLimits,
): Line[] {
  const first = groups.find((group) => group.length > 0)?.[0];
  if (first === undefined) return [];
  const refused = first.retryReason === batchRefused;
  const linesMax = refused ? refusedLinesMax(limits.linesMax, first.tries) : limits.linesMax;
  const circle = groups.map((group) => group.filter((line) => mayGoTogether(line, first)));
  const chosen: Line[] = [];
  let bytes = bodyBytes([]);
  for (let turn = 0; chosen.length < linesMax; turn += 1) {
    const heads = circle.flatMap((group) => group[turn] ?? []);
    if (heads.length === 0) break;
    for (const line of heads) {
      bytes += line.requestBytes + lineFrameBytes;
      if (bytes > limits.bytesMax && chosen.length > 0) return chosen;
      if (chosen.length < linesMax) chosen.push(line);
    }
  }
  return chosen;
}

/** Whether two lines may be in one pack. */
export const mayGoTogether = (a: WaitingLine, b: WaitingLine): boolean =>
  (a.retryReason === batchRefused) === (b.retryReason === batchRefused) && a.apart === b.apart;

/** Most lines of the next pack of lines that were refused `tries` times: the whole divided by 8 each time, at last one alone. */
export function refusedLinesMax(linesMax: number, tries: number): number {
  return Math.max(1, Math.floor(linesMax / refusedShrink ** Math.min(tries, 10)));
}

export interface PackSetting {
  readonly limits: PackLimits;
  /** Lines each bulk still has waiting, those of the pack included. */
  readonly waiting: ReadonlyMap<string, number>;
  /** Lines each bulk was accepted with. */
  readonly accepted: ReadonlyMap<string, number>;
  readonly nowMs: number;
  readonly lingerMs: number;
}

/** Whether this pack is to be sent now, and why. */
export function ripenessOf(lines: readonly WaitingLine[], setting: PackSetting): Ripeness | null {
  const { limits, nowMs, lingerMs } = setting;
  if (lines.length === 0) return null;
  // A line more of the size of the last would not have fitted: what could be packed has been packed.
  const last = lines.at(-1);
  const full = bodyBytes(lines) + lineFrameBytes + (last?.requestBytes ?? 0) > limits.bytesMax;
  if (full || lines.length >= limits.linesMax) return "full";
  // They have waited once already, or are one line that many others wait for.
  if (last !== undefined && (last.retryReason === batchRefused || last.apart !== null)) return "apart";
  if (completesBulk(lines, setting)) return "bulk_complete";
  return lines.some((line) => nowMs - line.queuedAtMs >= lingerMs) ? "lingered" : null;
}

/** When the oldest of these lines will have lingered, Unix milliseconds. */
export const lingersUntilMs = (lines: readonly WaitingLine[], lingerMs: number): number =>
  lines.reduce((earliest, line) => Math.min(earliest, line.queuedAtMs + lingerMs), Infinity);

function completesBulk(lines: readonly WaitingLine[], { waiting, accepted }: PackSetting): boolean {
  const packed = new Map<string, { lines: number; fresh: boolean }>();
  for (const line of lines) {
    const sum = packed.get(line.bulkId) ?? { lines: 0, fresh: false };
    packed.set(line.bulkId, { lines: sum.lines + 1, fresh: sum.fresh || line.attemptNo === 0 });
  }
  return [...packed].some(
    ([bulkId, sum]) =>
      sum.fresh &&
      (accepted.get(bulkId) ?? 0) >= completeBulkLinesMin &&
      sum.lines >= (waiting.get(bulkId) ?? Infinity),
  );
}

/**
 * The largest number of lines up to `count` that no open message batch of the credential has; 0 when there is none. A listed
 * batch is recognised by its count while its creation is in doubt, so no two may share one.
 */
export function freeLineCount(count: number, taken: ReadonlySet<number>): number {
  for (let free = count; free > 0; free -= 1) if (!taken.has(free)) return free;
  return 0;
}
