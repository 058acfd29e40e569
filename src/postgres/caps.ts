// Whether another attempt may follow a paid one, decided in the transaction that ends it.
//
// Only ends whose job is to go on after money was spent come by here: retries after an unknown end, and continuations. All others,
// which are nearly all, cost nothing. All that ends in the transaction is locked, in id order, and not only the jobs that are asked about:
// the rest would be locked behind them, out of order, and wait in a circle with a cancel of the bulk. Then the bulks whose totals are
// capped, so that any number of processes decide about one bulk one after the other; what is allowed is written before the attempts
// are closed. A job whose cap does not allow it ends here instead: what was paid for is kept, and the cap is named. Dying before the
// commit leaves the attempt open, and whoever ends it then asks again.
//
// Two attempts of one job may end together, the late call of a process taken for dead and its successor: each is judged by itself.

import type { CapName, Draw, NextAttempt } from "../domain/caps.ts";
import { drawNext, readCaps, tokensBound } from "../domain/caps.ts";
import { promptTokens, readUsage } from "../domain/price.ts";
import { cutByCap } from "../domain/right-size.ts";
import type { Client } from "./pool.ts";
import { query } from "./query.ts";
import type { RowOf } from "./query.ts";
import { attemptName } from "./attempt-name.ts";
import type { AttemptRecord, Continuation } from "./record.ts";

const lockJobs = query("caps/lock-jobs");
const lockBulks = query("caps/lock-bulks");
const drawFromBulks = query("caps/draw");
const allowRows = query("caps/allow-next");

type JobRow = RowOf<"caps/lock-jobs">;

export interface Capped {
  /** The records as they are to be written, in the same order. */
  readonly records: readonly AttemptRecord[];
  /** The caps that ended jobs, by the name of their attempt. */
  readonly brokenCaps: ReadonlyMap<string, CapName>;
}

/** Holds the next attempts against the caps of their jobs and bulks. */
export async function withinCaps(client: Client, records: readonly AttemptRecord[]): Promise<Capped> {
  const brokenCaps = new Map<string, CapName>();
  const following = records.filter(follows);
  if (following.length === 0) return { records, brokenCaps };
  const { rows } = await lockJobs(client, [
    records.map(({ jobId }) => jobId),
    records.map(({ attemptNo }) => attemptNo),
    records.map(follows),
  ]);
  const jobs = new Map(rows.map((row) => [attemptName({ jobId: row.id, attemptNo: row.ending_no }), row]));
  const left = await readLeft(client, rows);
  const allowed: Allowed[] = [];
  for (const record of following) {
    const row = jobs.get(attemptName(record));
    // Overtaken by anything but its continuation: what overtook it stands by itself.
    if (row === undefined || (row.overtaken && continuationOf(record) === null)) continue;
    const next = nextOf(record, row);
    const bulk = left.get(row.bulk_id) ?? { attempts: null, tokens: null };
    const verdict = drawNext(next, readCaps(row.caps), bulk);
    if ("brokenCap" in verdict && !row.overtaken) {
      brokenCaps.set(attemptName(record), verdict.brokenCap);
      continue;
    }
    // What was sent long ago cannot be forbidden any more: its turn is kept, or half an answer would pass for the whole.
    const draw = "draw" in verdict ? verdict.draw : { attempts: 0, tokens: 0 };
    take(left, row.bulk_id, draw);
    allowed.push({ record, next, draw, bulkId: row.bulk_id });
  }
  await writeAllowed(client, allowed, left);
  return {
    records: records.map((record) => ended(record, brokenCaps.get(attemptName(record)))),
    brokenCaps,
  };
}

const follows = ({ attempt, next }: AttemptRecord): boolean =>
  next.state === "queued" && attempt.state !== "unpaid";

interface Left {
  attempts: number | null;
  tokens: number | null;
}

interface Allowed {
  readonly record: AttemptRecord;
  readonly next: NextAttempt;
  readonly draw: Draw;
  readonly bulkId: string;
}

async function readLeft(client: Client, rows: readonly JobRow[]): Promise<Map<string, Left>> {
  const ids = [...new Set(rows.filter(({ draws }) => draws).map((row) => row.bulk_id))];
  if (ids.length === 0) return new Map();
  return new Map(
    (await lockBulks(client, [ids])).rows.map((row) => [
      row.id,
      { attempts: amount(row.attempts_left), tokens: amount(row.tokens_left) },
    ]),
  );
}

const amount = (value: bigint | null): number | null => (value === null ? null : Number(value));

function take(left: Map<string, Left>, bulkId: string, draw: Draw): void {
  const bulk = left.get(bulkId);
  if (bulk === undefined) return;
  if (bulk.attempts !== null) bulk.attempts -= draw.attempts;
  if (bulk.tokens !== null) bulk.tokens -= draw.tokens;
}

function nextOf(record: AttemptRecord, row: JobRow): NextAttempt {
  const bound = { inputTokensMax: row.input_tokens_max, outputTokensMax: row.output_tokens_max };
  const continuation = continuationOf(record);
  return {
    tokensUsed: Number(row.tokens_used) + usedBy(record, tokensBound(bound)),
    tokensMax: tokensBound({ ...bound, ...continuation?.request }),
    tokensReserved: row.tokens_reserved === null ? tokensBound(bound) : Number(row.tokens_reserved),
    ...(continuation !== null && {
      continued: {
        before: row.continuations,
        bytes: continuation.request.bytes,
        toolRounds: continuation.request.toolRounds,
      },
    }),
  };
}

/** Tokens an attempt took: all it may have, where nobody knows. */
function usedBy({ attempt }: AttemptRecord, boundTokens: number): number {
  const usage = attempt.state === "settled" ? readUsage(attempt.usage) : null;
  return usage === null ? boundTokens : promptTokens(usage) + usage.outputTokens;
}

const continuationOf = ({ next }: AttemptRecord): Continuation | null =>
  next.state === "queued" ? (next.continuation ?? null) : null;

async function writeAllowed(
  client: Client,
  allowed: readonly Allowed[],
  left: ReadonlyMap<string, Left>,
): Promise<void> {
  if (allowed.length === 0) return;
  const draws = new Map<string, { attempts: number; tokens: number }>();
  for (const { bulkId, draw } of allowed.filter((each) => left.has(each.bulkId))) {
    const sum = draws.get(bulkId) ?? { attempts: 0, tokens: 0 };
    draws.set(bulkId, { attempts: sum.attempts + draw.attempts, tokens: sum.tokens + draw.tokens });
  }
  const sums = [...draws.values()];
  if (draws.size > 0)
    await drawFromBulks(client, [
      [...draws.keys()],
      sums.map(({ attempts }) => BigInt(attempts)),
      sums.map(({ tokens }) => BigInt(tokens)),
    ]);
  const turns = allowed.map(({ record }) => continuationOf(record));
  await allowRows(client, [
    allowed.map(({ record }) => record.jobId),
    allowed.map(({ record }) => record.attemptNo),
    allowed.map(({ next }) => BigInt(next.tokensUsed)),
    allowed.map(({ next, draw }) => BigInt(next.tokensReserved + draw.tokens)),
    turns.map((turn) => turn?.turn ?? null),
    turns.map((turn) => turn?.request.bytes ?? null),
    turns.map((turn) => turn?.requestSha256 ?? null),
    turns.map((turn) => turn?.request.inputTokensMax ?? null),
  ]);
}

/** The record of a job that its cap ends: cut where it brings something to keep, failed by policy where it does not. */
function ended(record: AttemptRecord, brokenCap: CapName | undefined): AttemptRecord {
  const { next } = record;
  if (brokenCap === undefined || next.state !== "queued") return record;
  const { continuation, soFar = null } = next;
  if (continuation === undefined && next.retryReason !== cutByCap)
    return { ...record, next: { state: "failed", failureCode: brokenCap, failureFault: "policy" } };
  const kept = { output: soFar, confidence: null, abstained: null, reason: brokenCap };
  return { ...record, next: { state: "truncated" }, result: kept };
}
