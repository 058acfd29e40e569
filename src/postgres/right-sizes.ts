// Lengths of answers as rows: read from the ledger span by span, kept by class, and the caps that follow from them.

import { addLengths, noRecord, observedCap, samplesOf } from "../domain/right-size.ts";
import type { SeenLength, SizeRecord } from "../domain/right-size.ts";
import { withTransaction } from "./pool.ts";
import type { Client, Database, Pool } from "./pool.ts";
import { query, queryOne } from "./query.ts";
import type { RowOf } from "./query.ts";

const lockFold = queryOne("right-sizes/lock-fold");
const beginFold = query("right-sizes/begin-fold");
const moveFold = query("right-sizes/move-fold");
const lengthRows = query("right-sizes/lengths");
const sizeRows = query("right-sizes/read");
const capRows = query("right-sizes/caps");
const writeSize = query("right-sizes/write");
const sizeAgainRows = query("right-sizes/size-again");

/** A job type that asks for right-sizing. */
export interface SizedType {
  readonly name: string;
  readonly maxTokens: number;
}

/** Which answers, and what is known of them. */
export interface TypeSize {
  readonly jobType: string;
  readonly promptVersion: number;
  readonly model: string;
  readonly samples: number;
  /** Null while the declared cap stands. */
  readonly cap: number | null;
  readonly sized: number;
  readonly truncated: number;
  readonly offAt: Date | null;
  readonly offReason: string | null;
}

export interface FoldedSpan {
  /** Answers read. */
  readonly answers: number;
  /** Whether there is more to read. */
  readonly isBehind: boolean;
  /** Those that have switched themselves off now. */
  readonly off: readonly { promptVersion: number; model: string; reason: string }[];
}

/**
 * Reads the next span of a type's answers and moves its caps, in one transaction: dying before the commit reads the same span again.
 */
export function foldLengths(pool: Pool, type: SizedType, lagMs: number): Promise<FoldedSpan> {
  return withTransaction(pool, async (client) => {
    await beginFold(client, [type.name]);
    const span = await lockFold(client, [type.name, lagMs]);
    if (span === undefined || span.until <= span.since) return { answers: 0, isBehind: false, off: [] };
    const { rows } = await lengthRows(client, [type.name, span.since, span.until]);
    const off = await addAll(client, type, groupByAnswer(rows));
    await moveFold(client, [type.name, span.until]);
    const answers = rows.reduce((sum, row) => sum + row.answers, 0);
    return { answers, isBehind: span.until.getTime() - span.since.getTime() >= 3_600_000, off };
  });
}

type LengthRow = RowOf<"right-sizes/lengths">;
type Group = Pick<LengthRow, "prompt_version" | "model"> & { seen: SeenLength[] };

function groupByAnswer(rows: readonly LengthRow[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { prompt_version: version, model, ...seen } of rows) {
    const name = `${version} ${model}`;
    const group = groups.get(name) ?? { prompt_version: version, model, seen: [] };
    group.seen.push(seen);
    groups.set(name, group);
  }
  return [...groups.values()];
}

async function addAll(client: Client, type: SizedType, groups: readonly Group[]): Promise<FoldedSpan["off"]> {
  if (groups.length === 0) return [];
  const known = new Map(
    (await sizeRows(client, [type.name])).rows.map((row) => [`${row.prompt_version} ${row.model}`, row]),
  );
  const off: { promptVersion: number; model: string; reason: string }[] = [];
  for (const { prompt_version: promptVersion, model, seen } of groups) {
    const row = known.get(`${promptVersion} ${model}`);
    const before: SizeRecord =
      row === undefined
        ? noRecord
        : { lengths: row.lengths, sized: row.sized, truncated: row.truncated, offReason: row.off_reason };
    const record = addLengths(before, seen);
    const { lengths, sized, truncated, offReason } = record;
    // oxlint-disable-next-line no-await-in-loop -- a handful of versions and models
    await writeSize(client, [
      type.name,
      promptVersion,
      model,
      [...lengths],
      samplesOf(record),
      observedCap(record, type.maxTokens),
      sized,
      truncated,
      offReason,
    ]);
    if (offReason !== null && before.offReason === null)
      off.push({ promptVersion, model, reason: offReason });
  }
  return off;
}

/** The caps in force, by type, prompt version and model. */
export async function readCaps(database: Database): Promise<RowOf<"right-sizes/caps">[]> {
  return (await capRows(database, [])).rows;
}

/** What is known of the lengths of answers of one type, or of all. */
export async function readSizes(database: Database, jobType: string | null): Promise<TypeSize[]> {
  const { rows } = await sizeRows(database, [jobType]);
  return rows.map((row) => ({
    jobType: row.job_type,
    promptVersion: row.prompt_version,
    model: row.model,
    samples: row.samples,
    cap: row.cap,
    sized: row.sized,
    truncated: row.truncated,
    offAt: row.off_at,
    offReason: row.off_reason,
  }));
}

/** Lets a type be right-sized again; answers how many of its versions and models had been off. */
export async function sizeAgain(client: Client, jobType: string): Promise<number> {
  return (await sizeAgainRows(client, [jobType])).rowCount;
}
