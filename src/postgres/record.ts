// The one place where an attempt ends, for both lanes.
//
// A group of ends is one transaction: further attempts held against the caps (postgres/caps.ts), attempts closed, jobs moved, results stored, ledger written (one statement), then the
// budget windows (one more, last, so that the rows everybody wants are locked for the shortest time). Dying before the commit
// leaves the attempts open, and whoever owns that duty (the reaper, the ingest of the message batch) ends them again. Dying
// after it changes nothing. A second end of the same attempt finds it closed and does nothing: "already".
//
// Money is booked whether or not the job moves. A late answer to an attempt that was booked at its worst case is a correction
// entry, and its result counts only while the job has no outcome.

import type { Client, Pool } from "./pool.ts";
import type { AttemptOutcome } from "../domain/attempt.ts";
import type { CapName } from "../domain/caps.ts";
import type { Fault, FinalState, WaitReason } from "../domain/job.ts";
import type { RenderedRequest } from "../domain/rendered-request.ts";
import type { RetryReason } from "../domain/retry.ts";
import { reach } from "../observe/points.ts";
import { attemptName } from "./attempt-name.ts";
import { notifyBudget } from "./budgets.ts";
import { withinCaps } from "./caps.ts";
import { withTransaction } from "./pool.ts";
import { query } from "./query.ts";
import { WindowChanges } from "./windows.ts";

const closeRows = query("record/close-attempts");

/** How the attempt ended. Costs in nano-dollars; `realtimeNano` is what the same usage would have cost in the realtime lane. */
export interface AttemptEnd {
  /** settled: usage known. presumed: booked at its worst case, because nobody knows. unpaid: it cost nothing for certain. */
  state: "settled" | "presumed" | "unpaid";
  outcome: AttemptOutcome;
  costNano: bigint;
  realtimeNano: bigint;
  httpStatus?: number;
  errorType?: string;
  requestId?: string;
  stopReason?: string;
  usage?: object;
  answerSha256?: Buffer;
  sentAt?: Date;
  answeredAt?: Date;
}

/** What becomes of the job. */
export type NextStep =
  | { state: FinalState; failureCode?: string; failureFault?: Fault }
  | {
      state: "queued";
      retryReason: RetryReason;
      countsTry: boolean;
      notBefore?: Date;
      waitReason?: WaitReason;
      /** It goes on with a paused answer sent back, if the caps of its job allow it. */
      continuation?: Continuation;
      /** What this attempt brought, to be kept where a cap does not let it go on; null or absent: nothing. */
      soFar?: string | null;
    };

/** A paused answer and the request that continues it. */
export interface Continuation {
  /** The JSON text of the message that is sent back. */
  turn: string;
  request: Pick<RenderedRequest, "bytes" | "inputTokensMax" | "toolRounds">;
  requestSha256: Buffer;
}

export interface AttemptRecord {
  jobId: string;
  attemptNo: number;
  attempt: AttemptEnd;
  next: NextStep;
  result?: {
    output: string | null;
    confidence: number | null;
    abstained: string | null;
    reason: string | null;
  };
  /** Leaves the money reserved: the line of a void message batch, whose hold ends by its own clock. */
  keepsHold?: boolean;
}

export interface RecordedAttempt {
  jobId: string;
  attemptNo: number;
  /** now: this call closed it. late: it corrected a presumed one. already: somebody else had recorded it. */
  recorded: "now" | "late" | "already";
  jobMoved: boolean;
  /** Spend above the hold, nano-dollars. It is booked; the caller raises the alarm. */
  overrunNano: bigint;
  /** The cap that ended the job where another attempt was to follow. */
  brokenCap: CapName | null;
}

/** Ends attempts. Answers one verdict a record, in the same order. Throws `database_unavailable`; then none is recorded. */
export async function recordAttempts(
  pool: Pool,
  records: readonly AttemptRecord[],
): Promise<RecordedAttempt[]> {
  return withTransaction(pool, async (client) => {
    const changes = new WindowChanges();
    const answers = await closeAttempts(client, records, changes);
    await changes.write(client);
    reach("ends.written");
    return answers;
  });
}

/** The ends of attempts within a transaction; what they do to the windows is added to `changes`, for the caller to write last. */
export async function closeAttempts(
  client: Client,
  records: readonly AttemptRecord[],
  changes: WindowChanges,
): Promise<RecordedAttempt[]> {
  const answers = new Map<string, RecordedAttempt>();
  const { records: allowed, brokenCaps } = await withinCaps(client, records);
  for (const group of oncePerJob(allowed))
    for (const answer of await closeGroup(client, group, changes))
      answers.set(attemptName(answer), { ...answer, brokenCap: brokenCaps.get(attemptName(answer)) ?? null });
  return records.map(
    (record) =>
      answers.get(attemptName(record)) ?? {
        jobId: record.jobId,
        attemptNo: record.attemptNo,
        recorded: "already",
        jobMoved: false,
        overrunNano: 0n,
        brokenCap: null,
      },
  );
}

/** One statement may touch a job's row once: a late answer and the current one of the same job go one after the other. */
function oncePerJob(records: readonly AttemptRecord[]): AttemptRecord[][] {
  const groups: { jobs: Set<string>; records: AttemptRecord[] }[] = [];
  for (const record of records) {
    const free = groups.find((group) => !group.jobs.has(record.jobId));
    if (free === undefined) groups.push({ jobs: new Set([record.jobId]), records: [record] });
    else {
      free.jobs.add(record.jobId);
      free.records.push(record);
    }
  }
  return groups.map((group) => group.records);
}

async function closeGroup(
  client: Client,
  records: readonly AttemptRecord[],
  changes: WindowChanges,
): Promise<Omit<RecordedAttempt, "brokenCap">[]> {
  const { rows } = await closeRows(client, parametersOf(records));
  // A correction downwards makes room that nobody would look for: what a hold gives back is followed by its own end.
  if (rows.some((row) => row.spent_nano < 0n)) await notifyBudget(client, "correction");
  for (const row of rows)
    for (const windowId of row.window_ids)
      changes.add(windowId, {
        heldNano: -row.released_nano,
        spentNano: row.spent_nano,
        overrunNano: row.overrun_nano,
      });
  return rows.map((row) => ({
    jobId: row.job_id,
    attemptNo: row.no,
    recorded: row.late ? "late" : "now",
    jobMoved: row.moved,
    overrunNano: row.overrun_nano,
  }));
}

function parametersOf(records: readonly AttemptRecord[]): Parameters<typeof closeRows>[1] {
  const attempts = records.map((record) => record.attempt);
  const steps = records.map(({ next }) => next);
  const finals = steps.map((step) => (step.state === "queued" ? null : step));
  const requeued = steps.map((step) => (step.state === "queued" ? step : null));
  const results = records.map((record) => record.result ?? null);
  return [
    records.map((record) => record.jobId),
    records.map((record) => record.attemptNo),
    attempts.map((attempt) => attempt.state),
    attempts.map((attempt) => attempt.outcome),
    attempts.map((attempt) => attempt.httpStatus ?? null),
    attempts.map((attempt) => attempt.errorType ?? null),
    attempts.map((attempt) => attempt.requestId ?? null),
    attempts.map((attempt) => attempt.stopReason ?? null),
    attempts.map((attempt) => (attempt.usage === undefined ? null : JSON.stringify(attempt.usage))),
    attempts.map((attempt) => attempt.costNano),
    attempts.map((attempt) => attempt.realtimeNano),
    attempts.map((attempt) => attempt.answerSha256 ?? null),
    attempts.map((attempt) => attempt.sentAt ?? null),
    attempts.map((attempt) => attempt.answeredAt ?? null),
    steps.map((step) => step.state),
    finals.map((step) => step?.failureCode ?? null),
    finals.map((step) => step?.failureFault ?? null),
    requeued.map((step) => step?.notBefore ?? null),
    requeued.map((step) => step?.retryReason ?? null),
    requeued.map((step) => step?.waitReason ?? null),
    requeued.map((step) => step?.countsTry ?? false),
    results.map((result) => result !== null),
    results.map((result) => result?.output ?? null),
    results.map((result) => result?.confidence ?? null),
    results.map((result) => result?.abstained ?? null),
    results.map((result) => result?.reason ?? null),
    records.map((record) => record.keepsHold ?? false),
  ];
}
