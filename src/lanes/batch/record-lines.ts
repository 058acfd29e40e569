// Settles a chunk of result lines: their rows are read together, each answer is read by its job type, all are recorded at once.
// Inputs are small as a rule and come with the rows; large ones are read a few megabytes at a time, so that five hundred lines of
// four megabytes do not stand in memory together.

import type { Answer } from "../../domain/answer.ts";
import type { LineResult } from "../../domain/batch-line.ts";
import { readForbidden, refuseModel, suspectJobs } from "../../postgres/credentials.ts";
import { readInputs, readSettledLines } from "../../postgres/message-batch-lines.ts";
import type { SettledLine } from "../../postgres/message-batch-lines.ts";
import type { MessageBatch } from "../../postgres/message-batches.ts";
import { recordAttempts } from "../../postgres/record.ts";
import type { AttemptRecord, Continuation, RecordedAttempt } from "../../postgres/record.ts";
import type { PreparedJobs } from "../../domain/prepared-jobs.ts";
import { continuePaused } from "../continuation.ts";
import type { PausedJob } from "../continuation.ts";
import { batchLaneBounds } from "./bounds.ts";
import type { BatchLaneDeps } from "./deps.ts";
import { settleLine } from "./settle-line.ts";
import type { Blame, SettleTerms } from "./settle-line.ts";

/** A result line of this batch. */
export interface ParsedLine {
  readonly jobId: string;
  readonly result: LineResult;
}

interface Paired {
  readonly line: SettledLine;
  readonly result: LineResult;
}

export interface RecordedLines {
  /** Lines that had been given up for absent and were paid all the same. */
  readonly paidTwice: number;
  /** Models that answered. */
  readonly answered: readonly string[];
  /** Lines left for later: an earlier line of their job has no end yet, and they may continue it. */
  readonly waiting: number;
}

/** Whether the provider refused the line, its model by all appearances. */
export const isRefused = ({ result }: Pick<ParsedLine, "result">): boolean =>
  result.type === "errored" && result.outcome === "model_refused";

/**
 * Records the lines. Models that were refused in them are held back before their lines go back to wait, but for those that are known to
 * have `answered` others in the same batch.
 */
export async function recordLines(
  batch: MessageBatch,
  lines: readonly ParsedLine[],
  deps: BatchLaneDeps & { readonly answered: ReadonlySet<string> },
): Promise<RecordedLines> {
  const results = new Map(lines.map((line) => [line.jobId, line.result]));
  const rows = await readSettledLines(
    deps.pool,
    batch.id,
    [...results.keys()],
    batchLaneBounds.smallInputBytes,
  );
  const ready = rows.filter((line) => !line.continues_open);
  const paired = ready.flatMap((line): Paired[] => {
    const result = results.get(line.job_id);
    return result === undefined ? [] : [{ line, result }];
  });
  const blames = await judgeRefused(paired, deps);
  const groups = [
    paired.filter((each) => !wantsInput(each)),
    ...byBytes(paired.filter((each) => wantsInput(each))),
  ];
  let paidTwice = 0;
  for (const group of groups) {
    // oxlint-disable-next-line no-await-in-loop -- the next group is read when this one is out of memory
    const recorded = await recordGroup(batch, group, { ...deps, blames });
    if (batch.error_code === "found_late")
      paidTwice += recorded.filter((each) => each.recorded === "late").length;
    // Behind the record, by whoever has made it: a refusal counts once at most, whatever dies.
    const suspects = recorded.filter(
      ({ jobId, recorded: how }) => how === "now" && blames.get(jobId) === "suspect",
    );
    // oxlint-disable-next-line no-await-in-loop -- as above
    await suspectJobs(
      deps.pool,
      suspects.map(({ jobId }) => jobId),
      deps.clock.now(),
    );
  }
  const answered = paired.filter(({ result }) => result.type === "succeeded").map(({ line }) => line.model);
  return { paidTwice, answered: [...new Set(answered)], waiting: rows.length - ready.length };
}

/**
 * What the refusals among lines that are still open are to be blamed on; those that have ended were judged when they did. The batch itself
 * was accepted, so it is never the key, however many models were refused. A job that was refused often enough is to blame itself, and
 * holds nobody back; nor does one whose model has answered others here.
 */
async function judgeRefused(
  paired: readonly Paired[],
  deps: BatchLaneDeps & { readonly answered: ReadonlySet<string> },
): Promise<ReadonlyMap<string, Blame>> {
  const refused = paired.filter((each) => each.line.state === "open" && isRefused(each));
  const lines = refused.map(({ line }) => line);
  const forbidden = await readForbidden(
    deps.pool,
    lines.map((line) => line.job_id),
  );
  const blameOf = ({ job_id: jobId, model }: SettledLine): Blame => {
    if (forbidden.has(jobId)) return "request";
    return deps.answered.has(model) ? "suspect" : "model";
  };
  const blames = new Map(lines.map((line) => [line.job_id, blameOf(line)]));
  const held = lines.filter((line) => blames.get(line.job_id) === "model");
  const now = deps.clock.now();
  for (const model of new Set(held.map((line) => line.model))) {
    const jobIds = held.filter((line) => line.model === model).map((line) => line.job_id);
    deps.log.event("provider.model_refused", { credentialId: deps.credentialId, model });
    // oxlint-disable-next-line no-await-in-loop -- a model or two
    await refuseModel(deps.pool, deps.credentialId, { model, now, proved: true, jobIds });
  }
  return blames;
}

/** An answer is read with its job's input. */
const wantsInput = ({ line, result }: Paired): boolean => line.input === null && result.type === "succeeded";

/** With what the refusals of the chunk are blamed on. */
type SettleDeps = BatchLaneDeps & { readonly blames: ReadonlyMap<string, Blame> };

async function recordGroup(
  batch: MessageBatch,
  group: readonly Paired[],
  deps: SettleDeps,
): Promise<RecordedAttempt[]> {
  if (group.length === 0) return [];
  const missing = group.filter((each) => wantsInput(each)).map(({ line }) => line.job_id);
  const inputs = missing.length === 0 ? new Map<string, string>() : await readInputs(deps.pool, missing);
  const records = await Promise.all(group.map((each) => settle(each, batch, inputs, deps)));
  return record(records, deps);
}

function byBytes(lines: readonly Paired[]): Paired[][] {
  const groups: Paired[][] = [];
  let bytes = Infinity;
  for (const each of lines) {
    bytes += each.line.request_bytes;
    const current = groups.at(-1);
    if (current === undefined || bytes > batchLaneBounds.inputBytesPerRead) {
      groups.push([each]);
      bytes = each.line.request_bytes;
    } else current.push(each);
  }
  return groups;
}

async function settle(
  { line, result }: Paired,
  batch: MessageBatch,
  inputs: ReadonlyMap<string, string>,
  deps: SettleDeps,
): Promise<AttemptRecord> {
  const { config, clock, random } = deps;
  const terms: SettleTerms = {
    triesMax: config.triesMax,
    retry: { baseMs: config.retryBaseMs, capMs: config.retryCapMs, retryAfterMaxMs: config.retryAfterMaxMs },
    now: clock.now(),
    random: random(),
    sentAt: batch.create_started_at,
    answeredAt: batch.ended_at ?? clock.now(),
    blame: deps.blames.get(line.job_id) ?? "model",
  };
  const input = line.input ?? inputs.get(line.job_id);
  const jobs =
    input !== undefined && result.type === "succeeded"
      ? await deps.prepared.of(line.bulk_id, line.job_type)
      : null;
  if (jobs === null || input === undefined)
    return settleLine(line, { result, answer: null, continuation: null }, terms);
  const job = { input, promptVersion: line.prompt_version, turns: line.turns ?? [] };
  return settleLine(line, { result, ...readAnswer(result, jobs, job) }, terms);
}

function readAnswer(
  result: LineResult,
  jobs: PreparedJobs,
  job: PausedJob,
): { answer: Answer | null; continuation: Continuation | null } {
  if (result.type !== "succeeded") return { answer: null, continuation: null };
  const answer = jobs.readAnswer(job.input, result.message, job.turns);
  const isPaused = answer.outcome === "paused";
  return { answer, continuation: isPaused ? continuePaused(jobs, job, result.message) : null };
}

async function record(records: readonly AttemptRecord[], deps: BatchLaneDeps): Promise<RecordedAttempt[]> {
  const recorded = await recordAttempts(deps.pool, records);
  for (const { jobId, attemptNo, overrunNano, brokenCap } of recorded) {
    if (brokenCap !== null) deps.log.event("job.capped", { jobId, attemptNo, cap: brokenCap });
    if (overrunNano > 0n) deps.log.event("budget.overrun", { jobId, attemptNo, overrunNano });
  }
  return recorded;
}
