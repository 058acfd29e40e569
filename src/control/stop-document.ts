// A receipt as it is shown: the same document from the API and from the command line.
import { formatUsd } from "../domain/money.ts";
import type { StopRow } from "../postgres/stops.ts";
import type { BatchStanding, StopReceipt } from "./stop-receipt.ts";

const iso = (at: Date | null): string | null => at?.toISOString() ?? null;

/** A stop without what has come of it. */
export function stopDocument(stop: StopRow) {
  return {
    id: stop.id,
    state: stop.lifted_at !== null ? "lifted" : stop.completed_at === null ? "stopping" : "complete",
    scope: stop.scope,
    target: stop.target === "" ? null : stop.target_name,
    mode: stop.mode ?? "drain",
    reason: stop.reason,
    set_by: stop.set_by,
    set_at: iso(stop.set_at),
    completed_at: iso(stop.completed_at),
    lifted_by: stop.lifted_by,
    lifted_at: iso(stop.lifted_at),
  };
}

/** The whole receipt. Where processes run and when they called last is the installation's business: a tenant shares them with others. */
export function receiptDocument(receipt: StopReceipt, { whole }: { whole: boolean }) {
  const { stop, processes, batches } = receipt;
  return {
    ...stopDocument(stop),
    processes: processes.map((process) => ({
      id: process.id,
      state: process.state,
      calls_in_flight: process.calls_in_flight,
      last_call_at: whole ? iso(process.last_call_at) : null,
      host: whole ? process.host : null,
      pid: whole ? process.pid : null,
    })),
    unconfirmed: receipt.unconfirmed,
    calls: {
      in_flight: receipt.callsInFlight,
      aborted: receipt.callsAborted,
      aborted_usd: formatUsd(receipt.abortedNano),
    },
    batches: {
      count: countsOf(batches.map(({ standing }) => standing)),
      list: batches.map((batch) => ({
        id: batch.id,
        provider_id: batch.provider_id,
        standing: batch.standing,
        lines: batch.lines,
        cancel_asked_at: iso(batch.cancel_sent_at),
        ended_at: iso(batch.ended_at),
        may_still_cost_usd: formatUsd(batch.standing === "not_sent" ? 0n : batch.worst_nano),
      })),
    },
    jobs_waiting: Number(receipt.jobsWaiting),
    may_still_cost_usd: formatUsd(receipt.mayStillCostNano),
  };
}

export type ReceiptDocument = ReturnType<typeof receiptDocument>;

function countsOf(standings: readonly BatchStanding[]): Record<BatchStanding, number> {
  const counts = { not_sent: 0, creating: 0, doubtful: 0, to_cancel: 0, canceling: 0, goes_on: 0, ended: 0 };
  for (const standing of standings) counts[standing] += 1;
  return counts;
}
