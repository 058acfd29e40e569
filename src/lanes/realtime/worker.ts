// The realtime lane of one process: takes entries of the realtime queue and runs each to its end.
//
// BullMQ brings the entry and shows it; it decides nothing. Its stall recovery may bring the same entry twice, and the claim in
// Postgres lets one through. Claims and records of concurrent calls are grouped into one transaction each.

import { setMaxListeners } from "node:events";
import type { AttemptOutcome } from "../../domain/attempt.ts";
import { limits } from "../../config/limits.ts";
import { errorFields } from "../../observe/error-fields.ts";
import { openBooks } from "../../postgres/books.ts";
import { returnJobs } from "../../postgres/claim.ts";
import { resumeCredential, stopCredential } from "../../postgres/credentials.ts";
import type { Dispatch } from "../../postgres/dispatch.ts";
import type { Pool } from "../../postgres/pool.ts";
import type { PreparedBulks } from "../prepared-bulks.ts";
import { recordUntilWritten, runAttempt } from "./run-attempt.ts";
import type { AttemptDeps, AttemptSummary, InFlight } from "./run-attempt.ts";

export interface WorkerDeps extends Omit<
  AttemptDeps,
  "claim" | "giveBack" | "record" | "onCredentialRefused" | "onAnswered" | "inFlight" | "prepared"
> {
  pool: Pool;
  prepared: PreparedBulks;
  newId(): string;
  /** This process's id now: it changes when the process was taken for dead. */
  processId(): string;
  credentialId: string;
  sleep(ms: number): Promise<void>;
}

export interface RealtimeWorker {
  /** Runs one dispatch; the processor of the realtime queue. */
  process(dispatch: Dispatch): Promise<AttemptSummary>;
  /** Aborts the calls of a job, of a bulk, or all. An aborted call is booked at its worst case. Answers how many. */
  abort(which: { jobId?: string; bulkId?: string }): number;
  /** Calls in flight now. */
  inFlight(): number;
  /** From now on nothing new is sent; resolves when the calls in flight have ended or `timeoutMs` has passed and they were aborted. */
  drain(timeoutMs: number): Promise<{ aborted: number }>;
}

/** How long a job without room under its ceilings rests before it is tried again. */
const budgetRestMs = 1_000;
/** Between two looks at whether a stopped credential works again. */
const liftEveryMs = 2_000;

export function createRealtimeWorker(deps: WorkerDeps): RealtimeWorker {
  const draining = new AbortController();
  // Every call that waits for its pace listens to it: as many as there are calls at once, and no leak.
  setMaxListeners(deps.config.concurrency * 2, draining.signal);
  const inFlight: InFlight = new Map();
  const running = new Set<Promise<unknown>>();
  const attemptDeps = { ...deps, ...connect(deps, inFlight) };

  const abort: RealtimeWorker["abort"] = ({ jobId, bulkId }) => {
    const all = jobId === undefined && bulkId === undefined;
    const hit = [...inFlight].filter(([id, call]) => all || id === jobId || call.bulkId === bulkId);
    for (const [, call] of hit) call.controller.abort();
    return hit.length;
  };

  return {
    process: (dispatch) => {
      const run = runAttempt(dispatch, attemptDeps, draining.signal);
      running.add(run);
      const done = (): void => void running.delete(run);
      // oxlint-disable-next-line promise/no-callback-in-promise -- both ends take it off the list
      run.then(done, done);
      return run;
    },
    abort,
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
  "claim" | "giveBack" | "record" | "onCredentialRefused" | "onAnswered" | "inFlight"
>;

/** The steps of the pipeline that talk to the database, grouped. */
function connect(deps: WorkerDeps, inFlight: InFlight): Connected {
  const { pool, log, sleep, credentialId } = deps;
  const books = openBooks(pool, {
    itemsMax: limits.holdGroupMax * 2,
    terms: () => {
      const now = deps.clock.now();
      const budgetRetryAt = new Date(now.getTime() + budgetRestMs);
      return { processId: deps.processId(), credentialId, now, newId: deps.newId, budgetRetryAt };
    },
  });
  let liftedAtMs = -Infinity;
  return {
    inFlight,
    claim: books.claim,
    record: (record) => recordUntilWritten(() => books.record(record), log, sleep),
    giveBack: (dispatch, waitReason) => returnJobs(pool, [{ ...dispatch, waitReason, notBefore: null }]),
    onCredentialRefused: async (outcome: AttemptOutcome) => {
      log.event("provider.credential_refused", { credentialId, outcome });
      await recordUntilWritten(() => stopCredential(pool, credentialId, outcome), log, sleep);
    },
    // A success lifts the stop of its credential if the call was sent after it. Asked now and then only: it is one guarded
    // statement that mostly changes nothing.
    onAnswered: (sentAt) => {
      if (deps.clock.monotonicMs() - liftedAtMs < liftEveryMs) return;
      liftedAtMs = deps.clock.monotonicMs();
      resumeCredential(pool, credentialId, sentAt).catch((error: unknown) =>
        log.event("sweep.failed", { sweep: "credential", ...errorFields(error) }),
      );
    },
  };
}
