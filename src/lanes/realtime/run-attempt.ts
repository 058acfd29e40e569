// One attempt in the realtime lane, as a pipeline of named steps: pace, gate, claim, render, call, read, settle, record.
//
// A call's place at the provider is what is scarce, and the books before and after it take a tenth of a short call's time. So a
// place is held for the call alone: some attempts are claimed ahead of it, and an end is recorded after it. Bounded ahead, because
// what is claimed when this process dies is booked at its worst case, sent or not.
//
// Money and truth: nothing is paid before the claim is committed, and after it the attempt always ends in `record`, whatever the
// call did. The record is tried until it is written: an answer that was paid for is worth more than a free slot. If this process
// dies instead, its lease ends and the reaper books the attempt at its worst case.

import { createHash } from "node:crypto";
import type { Config } from "../../config/config.ts";
import type { JobTypes } from "../../config/job-types.ts";
import type { Clock } from "../../domain/clock.ts";
import { outcomeRules } from "../../domain/attempt.ts";
import type { AttemptOutcome } from "../../domain/attempt.ts";
import { ServiceError } from "../../domain/errors.ts";
import { isRecord } from "../../domain/json-value.ts";
import type { PreparedJobs } from "../../domain/prepared-jobs.ts";
import { forbidden } from "../../domain/refused-models.ts";
import type { Gate, GateVerdict, WorkScope } from "../../domain/work-scope.ts";
import type { Pace } from "../../limiter/pace.ts";
import { errorFields } from "../../observe/error-fields.ts";
import type { Log } from "../../observe/log.ts";
import { reach } from "../../observe/points.ts";
import type { Claim, ClaimAnswer, ClaimedJob } from "../../postgres/claim.ts";
import type { Dispatch } from "../../postgres/dispatch.ts";
import type { AttemptRecord, RecordedAttempt } from "../../postgres/record.ts";
import type { CallEnd } from "../../provider/call-end.ts";
import type { Provider } from "../../provider/client.ts";
import { isAsAccepted } from "../accepted.ts";
import { continuePaused } from "../continuation.ts";
import type { Places } from "../places.ts";
import type { PreparedBulks } from "../prepared-bulks.ts";
import { settleBroken, settleCall, settleShut, unsent } from "./settle-call.ts";
import type { ReadAnswer } from "./settle-call.ts";

export interface AttemptDeps {
  config: Config;
  clock: Clock;
  log: Log;
  random(): number;
  gate: Gate;
  pace: Pace;
  provider: Provider;
  jobTypes: JobTypes;
  prepared: PreparedBulks;
  claim(claim: Claim): Promise<ClaimAnswer>;
  /** Puts a dispatched job back without an attempt. */
  giveBack(dispatch: Dispatch, waitReason: "pause" | "stop" | "credential"): Promise<void>;
  /** Whether a model was refused here a moment ago: what was dispatched before that is not worth a call. */
  isRefused(model: string): boolean;
  record(record: AttemptRecord): Promise<RecordedAttempt>;
  onCredentialRefused(outcome: AttemptOutcome): Promise<void>;
  /** Holds the model of a refused job back. True: the request itself is to blame, and nothing is held back. */
  onModelRefused(job: Pick<ClaimedJob, "id" | "model">): Promise<boolean>;
  /** A call for that model, sent at that time, was answered. */
  onAnswered(sentAt: Date, model: string): void;
  inFlight: InFlight;
  /** Attempts from their claim to the end of their call, and the calls among them. */
  places: { claimed: Places; calling: Places };
}

/**
 * The calls of this process, so that a cancel, a stop or a drain can abort them. By attempt: a process that was taken for dead and
 * goes on may have two calls of one job, the late one and its successor.
 */
export type InFlight = Map<string, { jobId: string; work: WorkScope; controller: AbortController }>;

/** How the dispatch ended, shown in Bull Board. Codes only. */
export interface AttemptSummary {
  outcome: AttemptOutcome | "not_claimed";
  detail: string;
}

/** Runs one dispatch to its end. `drain` is aborted when the process shuts down: what has not been sent goes back. */
export async function runAttempt(
  dispatch: Dispatch,
  deps: AttemptDeps,
  drain: AbortSignal,
): Promise<AttemptSummary> {
  const mayStart = await deps.pace.acquire(drain);
  const verdict = mayStart ? deps.gate(dispatch) : null;
  if (verdict === null || !verdict.open || deps.isRefused(dispatch.model)) {
    if (mayStart) deps.pace.giveBack();
    const why = verdict === null ? "stop" : (waitAt(verdict) ?? "credential");
    await deps.giveBack(dispatch, why);
    return { outcome: "not_claimed", detail: why };
  }
  const run = await deps.places.claimed(async () => {
    const answer = await claimOrGiveBack(dispatch, deps);
    if (!answer.claimed) return answer;
    return { ...answer, record: await attempt(answer.job, dispatch, deps, drain) };
  });
  if (!run.claimed) return { outcome: "not_claimed", detail: run.why };
  const recorded = await deps.record(run.record);
  report(run.job, run.record, recorded, deps);
  return {
    outcome: run.record.attempt.outcome,
    detail: recorded.brokenCap ?? run.record.next.state,
  };
}

/**
 * Claims, and gives the start back to the pace where nothing is to be sent. Entries of dispatches that were called back come by
 * here, and at a slow pace there may be more of them than of others: if each took a start, nothing else would ever run.
 */
async function claimOrGiveBack(dispatch: Dispatch, deps: AttemptDeps): Promise<ClaimAnswer> {
  let claimed = false;
  try {
    const answer = await deps.claim({ jobId: dispatch.jobId, dispatchNo: dispatch.dispatchNo });
    ({ claimed } = answer);
    return answer;
  } finally {
    if (!claimed) deps.pace.giveBack();
  }
}

async function attempt(
  job: ClaimedJob,
  dispatch: Dispatch,
  deps: AttemptDeps,
  drain: AbortSignal,
): Promise<AttemptRecord> {
  const prepared = await prepare(job, deps);
  // Nothing was sent, and the database that is away now comes back: the job is as it was.
  if (prepared === "away") return unsent(job, "rows_unavailable");
  if (prepared === null) return settleBroken(job, "job_type_gone");
  const params = renderExactly(prepared, job);
  if (params === null) return settleBroken(job, "request_changed");
  const end = await callInPlace(dispatch, deps, (signal) => {
    if (signal.aborted || drain.aborted) return null;
    const deadlineMs = deps.jobTypes.get(job.jobType)?.callTimeoutMs ?? deps.config.callTimeoutMs;
    return deps.provider.createMessage(params, { scope: dispatch, deadlineMs, signal });
  });
  if (end === null && !drain.aborted) return unsent(job, "aborted", waitAt(deps.gate(dispatch)));
  if (end === null) return unsent(job, "drain");
  if (end.kind === "shut") return settleShut(job, end.verdict.why);
  if (end.kind === "answer") {
    reach("call.answered");
    deps.onAnswered(end.sentAt, job.model);
  }
  const isOwn = await noteRefusal(end, job, deps);
  const read = end.kind === "answer" ? readMessage(prepared, job, end) : null;
  const { retryBaseMs, retryCapMs, retryAfterMaxMs } = deps.config;
  const record = settleCall(job, end, read, {
    retry: { baseMs: retryBaseMs, capMs: retryCapMs, retryAfterMaxMs },
    triesMax: deps.config.triesMax,
    now: deps.clock.now(),
    random: deps.random(),
  });
  return isOwn ? { ...record, next: forbidden } : record;
}

/** The prepared jobs of its bulk; null where its type or what it shares cannot be had any more, `away` where that cannot be told now. */
async function prepare(job: ClaimedJob, { prepared }: AttemptDeps): Promise<PreparedJobs | null | "away"> {
  try {
    return await prepared.of(job.bulkId, job.jobType);
  } catch (error) {
    return error instanceof ServiceError ? "away" : null;
  }
}

/**
 * Renders the stored input with its version; null unless it is the request whose bound was held. A cap of this attempt's own is put in
 * after the comparison.
 */
function renderExactly(prepared: PreparedJobs, job: ClaimedJob): string | null {
  try {
    const { turns } = job;
    const request = prepared.render(job.input, job.promptVersion, { turns });
    if (!isAsAccepted(request, job)) return null;
    if (job.cap === undefined) return request.params;
    return prepared.render(job.input, job.promptVersion, { turns, maxTokens: job.cap }).params;
  } catch {
    return null;
  }
}

/** What a job waits for that a shut gate sent back. */
function waitAt(verdict: GateVerdict): "pause" | "stop" | undefined {
  return verdict.open ? undefined : verdict.why === "pause" ? "pause" : "stop";
}

/** Makes the call in its place; whoever aborts it while it waits for one finds it on the list. */
async function callInPlace<End>(
  dispatch: Dispatch,
  { inFlight, places }: AttemptDeps,
  call: (signal: AbortSignal) => End | Promise<End>,
): Promise<End> {
  const controller = new AbortController();
  const name = `${dispatch.jobId}-${dispatch.dispatchNo}`;
  inFlight.set(name, { jobId: dispatch.jobId, work: dispatch, controller });
  try {
    return await places.calling(async () => call(controller.signal));
  } finally {
    inFlight.delete(name);
  }
}

function readMessage(
  prepared: PreparedJobs,
  job: ClaimedJob,
  end: Extract<CallEnd<unknown>, { kind: "answer" }>,
): ReadAnswer | null {
  const message = end.body;
  if (!isRecord(message) || message["type"] !== "message" || !Array.isArray(message["content"])) return null;
  const answer = prepared.readAnswer(job.input, message, job.turns);
  return {
    answer,
    sha256: createHash("sha256").update(end.text).digest(),
    continuation: answer.outcome === "paused" ? continuePaused(prepared, job, message) : null,
  };
}

/** Answers whether it is the request itself that is refused. */
async function noteRefusal(end: CallEnd<unknown>, job: ClaimedJob, deps: AttemptDeps): Promise<boolean> {
  if (end.kind !== "error") return false;
  if (outcomeRules[end.outcome].stopsCredential === true) await deps.onCredentialRefused(end.outcome);
  return end.outcome === "model_refused" && deps.onModelRefused(job);
}

function report(
  job: ClaimedJob,
  record: AttemptRecord,
  recorded: RecordedAttempt,
  { log }: AttemptDeps,
): void {
  const ids = { jobId: job.id, attemptNo: job.attemptNo, outcome: record.attempt.outcome };
  if (recorded.recorded === "late") log.event("attempt.corrected", ids);
  if (recorded.recorded === "already") log.event("attempt.late", ids);
  if (record.attempt.state === "presumed") log.event("attempt.presumed", ids);
  if (recorded.overrunNano > 0n) log.event("budget.overrun", { ...ids, overrunNano: recorded.overrunNano });
  // A late record, or one of a job that was canceled meanwhile, may move nothing.
  if (!recorded.jobMoved) return;
  if (recorded.brokenCap !== null) log.event("job.capped", { ...ids, cap: recorded.brokenCap });
  else if (record.next.state !== "queued") log.event("job.finished", { ...ids, state: record.next.state });
  else if (record.next.countsTry) log.event("job.retry_scheduled", ids);
  else log.event("job.requeued", { ...ids, reason: record.next.retryReason });
}

/** Repeats the recording of a paid call until it is written; see the top. Waits longer each time, at most five seconds. */
export async function recordUntilWritten<T>(
  write: () => Promise<T>,
  log: Log,
  sleep: (ms: number) => Promise<void>,
): Promise<T> {
  for (let tryNo = 1; ; tryNo += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other is the point
      return await write();
    } catch (error) {
      log.event("sweep.failed", { sweep: "record", tryNo, ...errorFields(error) });
      // oxlint-disable-next-line no-await-in-loop -- see above
      await sleep(Math.min(5_000, 100 * 2 ** Math.min(tryNo, 10)));
    }
  }
}
