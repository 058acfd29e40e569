// Results in the order in which they finished, each exactly once, also while the bulk still runs.
//
// A job gets its number (finish_seq) while its transaction runs, and becomes visible when that commits. So a number can appear
// after a higher one: a cursor that only moves forward would miss it. Three things together make the stream exact:
//   - a bit per line says what has been sent, so reading anything twice costs a look and sends nothing twice;
//   - the tallies say, exactly at every commit, how many jobs are finished: while that is what was sent, nothing was missed;
//   - when it is more, the window behind the cursor is read again (`followWindowMs` wide, longer than a statement may take or a
//     transaction may idle), and once the bulk is over and something is still missing, everything is, from the beginning.
// The bits take 125 KB for a million lines.
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../../config/limits.ts";
import type { Clock } from "../../domain/clock.ts";
import { isFinal } from "../../domain/job.ts";
import { readTallies } from "../../postgres/bulks.ts";
import { readFinishSpan, readResultsByFinish, type ResultRow } from "../../postgres/jobs-read.ts";
import type { Pool } from "../../postgres/pool.ts";
import { pagesByRange } from "../../postgres/ranges.ts";

interface FinishOrderDeps {
  readonly pool: Pool;
  readonly clock: Clock;
}

interface Wish {
  readonly bulkId: string;
  readonly lines: number;
  /** Go on until every job has its outcome. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** Finished jobs, some at a time, in finish order; a late number comes when it is seen. */
export async function* resultsByFinish(deps: FinishOrderDeps, wish: Wish): AsyncGenerator<ResultRow[]> {
  const { bulkId, signal } = wish;
  const sent = new SentLines(wish.lines);
  const cursor = new Cursor(deps.clock);
  /* oxlint-disable no-await-in-loop -- it looks, waits, and looks again */
  for (;;) {
    // The count is read first: what it counts is visible to the reading that follows.
    const { finished, open } = await readCounts(deps.pool, bulkId);
    yield* unsent(deps, bulkId, cursor.high, { sent, cursor });
    if (sent.count < finished) yield* unsent(deps, bulkId, cursor.low(), { sent, cursor });
    if (!wish.follow || open === 0) {
      if (sent.count < finished) yield* unsent(deps, bulkId, 0, { sent, cursor });
      return;
    }
    await sleep(limits.followEveryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
  /* oxlint-enable no-await-in-loop */
}

async function readCounts(pool: Pool, bulkId: string): Promise<{ finished: number; open: number }> {
  const tallies = (await readTallies(pool, [bulkId])).get(bulkId) ?? [];
  let finished = 0;
  let open = 0;
  for (const { state, jobs } of tallies) {
    if (isFinal(state)) finished += Number(jobs);
    else open += Number(jobs);
  }
  return { finished, open };
}

async function* unsent(
  deps: FinishOrderDeps,
  bulkId: string,
  from: number,
  { sent, cursor }: { sent: SentLines; cursor: Cursor },
): AsyncGenerator<ResultRow[]> {
  const { first, last } = await readFinishSpan(deps.pool, bulkId);
  const rowsMax = limits.resultRowsPerFetch;
  const pages = pagesByRange({
    after: Math.max(from, first - 1),
    last,
    rowsMax,
    read: (after, to) => readResultsByFinish(deps.pool, bulkId, { after, to, rowsMax }),
    numberOf: (row) => Number(row.finish_seq),
  });
  for await (const rows of pages) {
    cursor.reached(Number(rows.at(-1)?.finish_seq ?? 0n));
    const fresh = rows.filter((row) => sent.add(row.line));
    if (fresh.length > 0) yield fresh;
  }
}

/** Which lines have been sent, one bit each. Grows if a line is higher than was said (a retry keeps the lines of its origin). */
class SentLines {
  #bits: Uint8Array;
  #count = 0;

  constructor(lines: number) {
    this.#bits = new Uint8Array((lines >> 3) + 1);
  }

  get count(): number {
    return this.#count;
  }

  /** True if it was not in before. */
  add(line: number): boolean {
    const at = line >> 3;
    if (at >= this.#bits.length) {
      const wider = new Uint8Array(Math.max(at + 1, this.#bits.length * 2));
      wider.set(this.#bits);
      this.#bits = wider;
    }
    const bit = 1 << (line & 7);
    const byte = this.#bits[at] ?? 0;
    if ((byte & bit) !== 0) return false;
    this.#bits[at] = byte | bit;
    this.#count += 1;
    return true;
  }
}

/** The highest number seen, and the highest that was seen long enough ago for everything below it to be visible. */
class Cursor {
  readonly #clock: Clock;
  #high = 0;
  #low = 0;
  /** Once a second at most: when which number was reached. */
  readonly #marks: { seq: number; atMs: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get high(): number {
    return this.#high;
  }

  reached(seq: number): void {
    if (seq <= this.#high) return;
    this.#high = seq;
    const atMs = this.#clock.monotonicMs();
    const last = this.#marks.at(-1);
    if (last === undefined || atMs - last.atMs >= 1_000) this.#marks.push({ seq, atMs });
  }

  low(): number {
    const oldMs = this.#clock.monotonicMs() - limits.followWindowMs;
    while ((this.#marks[0]?.atMs ?? Number.POSITIVE_INFINITY) < oldMs)
      this.#low = this.#marks.shift()?.seq ?? this.#low;
    return this.#low;
  }
}
