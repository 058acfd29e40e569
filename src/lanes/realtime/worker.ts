// The realtime lane of one process: takes entries of the realtime queue and runs each to its end.
//
// BullMQ brings the entry and shows it; it decides nothing. Its stall recovery may bring the same entry twice, and the claim in
// Postgres lets one through. Claims and records of concurrent calls are grouped into one transaction each.
//
// A claim whose answer is lost (the database went away around its commit) may have been committed all the same: then a job is
// running that nobody runs, under a process that lives, where no reaper looks. So it is asked for until the database answers, and
// an attempt it has opened is ended as what it is: never sent.

import { setMaxListeners } from "node:events";
import type { AttemptOutcome } from "../../domain/attempt.ts";
import { limits } from "../../config/limits.ts";
import { errorFields } from "../../observe/error-fields.ts";
import { openBooks } from "../../postgres/books.ts";
import type { Books } from "../../postgres/books.ts";
import { findOpenedAttempt, returnJobs } from "../../postgres/claim-returns.ts";
import type { Claim, ClaimAnswer } from "../../postgres/claim.ts";
import { readForbidden, refuseModel, resumeCredential, stopCredential } from "../../postgres/credentials.ts";
import type { Dispatch } from "../../postgres/dispatch.ts";
import type { WorkScope } from "../../domain/work-scope.ts";
import type { Pool } from "../../postgres/pool.ts";
import type { Tightening } from "../../postgres/tight-bounds.ts";
import { createPlaces } from "../places.ts";
import type { PreparedBulks } from "../prepared-bulks.ts";
import { recordUntilWritten, runAttempt } from "./run-attempt.ts";
import type { AttemptDeps, AttemptSummary, InFlight } from "./run-attempt.ts";
import { unsent } from "./settle-call.ts";

export interface WorkerDeps extends Omit<
  AttemptDeps,
  | "claim"
  | "giveBack"
  | "record"
  | "onCredentialRefused"
  | "onModelRefused"
  | "isRefused"
  | "onAnswered"
  | "inFlight"
  | "places"
  | "prepared"
> {
  pool: Pool;
  prepared: PreparedBulks;
  newId(): string;
  /** This process's id now: it changes when the process was taken for dead. */
  processId(): string;
  credentialId: string;
  /** Absent: holds are by bytes and declared caps. */
  tightening?: Tightening | undefined;
  sleep(ms: number): Promise<void>;
}

export interface RealtimeWorker {
  /** Entries to take at once: the calls, those claimed ahead of them, and those whose end is being recorded. */
  entriesAtOnce: number;
  /** Runs one dispatch; the processor of the realtime queue. */
  process(dispatch: Dispatch): Promise<AttemptSummary>;
  /** Aborts the calls of a job, of a bulk, or all. An aborted call is booked at its worst case. Answers how many. */
  abort(which: { jobId?: string; bulkId?: string }): number;
  /** Aborts the calls whose work is meant. */
  abortWork(isMeant: (work: WorkScope) => boolean): number;
  /** Calls in flight now. */
  inFlight(): number;
  /** From now on nothing new is sent; resolves when the calls in flight have ended or `timeoutMs` has passed and they were aborted. */
  drain(timeoutMs: number): Promise<{ aborted: number }>;
}

/** How long a job without room under its ceilings rests before it is tried again. */
const budgetRestMs = 1_000;
/** How long a worker leaves the jobs of a refused model alone that it was given before: the dispatcher knows of it by then. */
const refusedRestMs = 2_000;
/** Between two looks at whether a stopped credential works again. */
const liftEveryMs = 2_000;

export function createRealtimeWorker(deps: WorkerDeps): RealtimeWorker {
  const { concurrency } = deps.config;
  const claimedAtOnce = concurrency + Math.ceil(concurrency * limits.claimedAheadShare);
  const entriesAtOnce = claimedAtOnce + concurrency;
  const places = { claimed: createPlaces(claimedAtOnce), calling: createPlaces(concurrency) };
  const draining = new AbortController();
  // Every call that waits for its pace listens to it: as many as there are calls at once, and no leak.
  setMaxListeners(entriesAtOnce + 1, draining.signal);
  const inFlight: InFlight = new Map();
  const running = new Set<Promise<unknown>>();
  const attemptDeps = { ...deps, ...connect(deps, { inFlight, running }), places };

  const abortCalls = (isMeant: (jobId: string, work: WorkScope) => boolean): number => {
    const hit = [...inFlight.values()].filter(({ jobId, work }) => isMeant(jobId, work));
    for (const call of hit) call.controller.abort();
    return hit.length;
  };
  const abort: RealtimeWorker["abort"] = ({ jobId, bulkId }) => {
    const all = jobId === undefined && bulkId === undefined;
    return abortCalls((id, work) => all || id === jobId || work.bulkId === bulkId);
  };

  return {
    entriesAtOnce,
    process: (dispatch) => {
      const run = runAttempt(dispatch, attemptDeps, draining.signal);
      running.add(run);
      const done = (): void => void running.delete(run);
      // oxlint-disable-next-line promise/no-callback-in-promise -- both ends take it off the list
      run.then(done, done);
      return run;
    },
    abort,
    abortWork: (isMeant) => abortCalls((_, work) => isMeant(work)),
    inFlight: () => inFlight.size,
    drain: async (timeoutMs) => {
      draining.abort();
      const ended = Promise.allSettled(running).then(() => true);
      const inTime = await Promise.race([ended, deps.sleep(timeoutMs).then(() => false)]);
      const aborted = inTime ? 0 : abort({});
      if (!inTime) await Promise.race([ended, deps.sleep(limits.drainRecordMs)]);
      return { aborted };
    },
  };
}

type Connected = Pick<
  AttemptDeps,
  | "claim"
  | "giveBack"
  | "record"
  | "onCredentialRefused"
  | "onModelRefused"
  | "isRefused"
  | "onAnswered"
  | "inFlight"
>;

/** The steps of the pipeline that talk to the database, grouped. `running`: what a drain waits for. */
function connect(
  deps: WorkerDeps,
  { inFlight, running }: { inFlight: InFlight; running: Set<Promise<unknown>> },
): Connected {
  const { pool, log, sleep, credentialId } = deps;
  const books = openBooks(pool, {
    itemsMax: limits.holdGroupMax * 2,
    terms: () => {
      const now = deps.clock.now();
      const budgetRetryAt = new Date(now.getTime() + budgetRestMs);
      const { unbudgeted } = deps.config;
      const { newId, tightening } = deps;
      return {
        processId: deps.processId(),
        credentialId,
        now,
        newId,
        budgetRetryAt,
        unbudgeted,
        tightening,
      };
    },
  });
  const liftedAtMs = new Map<string, number>();
  const refusedAtMs = new Map<string, number>();
  return {
    inFlight,
    claim: (claim) => claimOrUndo(claim, { deps, books, running }),
    record: (record) => recordUntilWritten(() => books.record(record), log, sleep),
    giveBack: (dispatch, waitReason) => {
      const restUntil = new Date(deps.clock.now().getTime() + refusedRestMs);
      const notBefore = waitReason === "credential" ? restUntil : null;
      return returnJobs(pool, [{ ...dispatch, waitReason, notBefore }]);
    },
    isRefused: (model) => deps.clock.monotonicMs() - (refusedAtMs.get(model) ?? -Infinity) < refusedRestMs,
    onCredentialRefused: async (outcome: AttemptOutcome) => {
      log.event("provider.credential_refused", { credentialId, outcome });
      await recordUntilWritten(() => stopCredential(pool, credentialId, outcome), log, sleep);
    },
    onModelRefused: async ({ id, model }) => {
      if ((await recordUntilWritten(() => readForbidden(pool, [id]), log, sleep)).has(id)) return true;
      log.event("provider.model_refused", { credentialId, model });
      refusedAtMs.set(model, deps.clock.monotonicMs());
      const refusal = { model, now: deps.clock.now(), jobIds: [id] };
      if (await recordUntilWritten(() => refuseModel(pool, credentialId, refusal), log, sleep))
        log.event("provider.credential_refused", { credentialId, outcome: "model_refused" });
      return false;
    },
    // A success lifts the stop of its credential and of its model if the call was sent after it. Asked now and then only, by
    // model: it is one guarded statement that mostly changes nothing.
    onAnswered: (sentAt, model) => {
      const nowMs = deps.clock.monotonicMs();
      if (nowMs - (liftedAtMs.get(model) ?? -Infinity) < liftEveryMs) return;
      liftedAtMs.set(model, nowMs);
      resumeCredential(pool, credentialId, { sentAt, models: [model] }).catch((error: unknown) =>
        log.event("sweep.failed", { sweep: "credential", ...errorFields(error) }),
      );
    },
  };
}

interface Undoing {
  deps: WorkerDeps;
  books: Books;
  running: Set<Promise<unknown>>;
}

async function claimOrUndo(claim: Claim, undoing: Undoing): Promise<ClaimAnswer> {
  const processId = undoing.deps.processId();
  try {
    return await undoing.books.claim(claim);
  } catch (error) {
    const undone = undoClaim(claim, processId, undoing);
    undoing.running.add(undone);
    void undone.finally(() => undoing.running.delete(undone));
    throw error;
  }
}

/** Ends what a claim without an answer has opened, if it has; see the top. Tries until the database answers. */
function undoClaim(claim: Claim, processId: string, { deps, books }: Undoing): Promise<void> {
  const undo = async (): Promise<void> => {
    const attemptNo = await findOpenedAttempt(deps.pool, claim, processId);
    if (attemptNo === undefined) return;
    await books.record(unsent({ id: claim.jobId, attemptNo }, "claim_unanswered"));
    deps.log.event("job.requeued", { jobId: claim.jobId, attemptNo, reason: "claim_unanswered" });
  };
  return recordUntilWritten(undo, deps.log, deps.sleep);
}
