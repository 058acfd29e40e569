// The receipt of a stop: what was stopped, what is unconfirmed, what may still cost. Read from the rows every time, so it says the
// same after any restart, and goes on to change until everything has ended.
import { limits } from "../config/limits.ts";
import type { Database } from "../postgres/pool.ts";
import {
  readStopFindings,
  type StopBatchRow,
  type StopFindings,
  type StopProcessRow,
  type StopRow,
} from "../postgres/stops.ts";

/** Where a message batch stands, as far as a stop is concerned. */
export type BatchStanding =
  /** Packed and not sent: while it is stopped it never will be, and its lines go back. */
  | "not_sent"
  /** Its creation waits for its answer. */
  | "creating"
  /**
   * It is not known whether the provider has it, or whether the one that was recognised there is ours. It is canceled once that is
   * certain, and may cost all it holds until then.
   */
  | "doubtful"
  /** To be canceled, and the provider has not been asked yet. */
  | "to_cancel"
  /** The provider was asked to cancel it, and is at it. */
  | "canceling"
  /** It goes on: the stop does not cancel, or lines of others are in it. */
  | "goes_on"
  /** It has ended there; what was computed is fetched and paid for. */
  | "ended";

export interface StopReceipt {
  readonly stop: StopRow;
  readonly state: "stopping" | "complete" | "lifted";
  readonly processes: readonly StopProcessRow[];
  /** Processes of which it is not known that they start nothing. */
  readonly unconfirmed: number;
  readonly callsInFlight: number;
  readonly callsAborted: number;
  /** What the aborted calls were booked at: their worst case. */
  readonly abortedNano: bigint;
  readonly batches: readonly (StopBatchRow & { readonly standing: BatchStanding })[];
  readonly jobsWaiting: bigint;
  /** The most that may still be billed for what is at the provider, in nano-dollars. */
  readonly mayStillCostNano: bigint;
}

export async function readReceipt(database: Database, stop: StopRow): Promise<StopReceipt> {
  const findings = await readStopFindings(database, stop, { batchesMax: limits.receiptBatchesMax });
  const { processes, calls, jobsWaiting } = findings;
  const batches = findings.batches.map((batch) => Object.assign(batch, { standing: standingOf(batch) }));
  return {
    stop,
    state: stateOf(stop),
    processes,
    unconfirmed: processes.filter(({ state }) => state === "unconfirmed").length,
    callsInFlight: calls.in_flight,
    callsAborted: calls.aborted,
    abortedNano: calls.aborted_nano,
    batches,
    jobsWaiting,
    mayStillCostNano: mayStillCost(calls, batches),
  };
}

function stateOf(stop: StopRow): StopReceipt["state"] {
  if (stop.lifted_at !== null) return "lifted";
  return stop.completed_at === null ? "stopping" : "complete";
}

function mayStillCost(
  calls: StopFindings["calls"],
  batches: readonly { standing: BatchStanding; worst_nano: bigint }[],
): bigint {
  return batches
    .filter(({ standing }) => standing !== "not_sent")
    .reduce((sum, { worst_nano: worst }) => sum + worst, calls.worst_nano);
}

function standingOf(batch: StopBatchRow): BatchStanding {
  switch (batch.state) {
    case "intent":
      return "not_sent";
    case "creating":
      return "creating";
    case "doubtful":
    case "void":
      return "doubtful";
    case "created":
      if (batch.cancel_requested_at === null) return "goes_on";
      if (batch.unproved) return "doubtful";
      return batch.cancel_sent_at === null ? "to_cancel" : "canceling";
    case "ended":
    case "ingested":
    case "refused":
      return "ended";
    default:
      return batch.state satisfies never;
  }
}
