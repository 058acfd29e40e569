// A stop's receipt in words.
import type { ReceiptDocument } from "../control/stop-document.ts";
import { instant, listing, table } from "./output.ts";

const scopeNames = {
  global: "everything",
  tenant: "the tenant",
  queue: "the queue",
  job_type: "the job type",
  model: "the model",
  bulk: "the bulk",
} as const;

/** What is stopped, as it stands in a sentence. */
export const stoppedText = ({ scope, target }: Pick<ReceiptDocument, "scope" | "target">): string =>
  target === null ? scopeNames[scope] : `${scopeNames[scope]} ${target}`;

/** How far a stop has come, in a line. */
export function progressText(receipt: ReceiptDocument): string {
  const { processes, unconfirmed, calls, batches } = receipt;
  const { to_cancel: toCancel, creating, canceling, doubtful } = batches.count;
  const parts = [
    `${processes.length - unconfirmed} of ${processes.length} processes confirmed`,
    `${calls.in_flight} calls in flight`,
    creating > 0 ? `${creating} message batches being created` : "",
    toCancel > 0 ? `${toCancel} message batches to cancel` : "",
    canceling > 0 ? `${canceling} canceling` : "",
    doubtful > 0 ? `${doubtful} in doubt` : "",
    `at most $${receipt.may_still_cost_usd} may still be billed`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** The whole receipt for a terminal. */
export function receiptText(receipt: ReceiptDocument): string {
  const { calls, batches } = receipt;
  const lines = [
    `Stop ${receipt.id}: ${stoppedText(receipt)}, ${receipt.mode}, ${receipt.state}`,
    `Reason    ${receipt.reason}`,
    `Set       ${instant(receipt.set_at)} by ${receipt.set_by}`,
    `Complete  ${instant(receipt.completed_at)}`,
    ...(receipt.lifted_at === null
      ? []
      : [`Lifted    ${instant(receipt.lifted_at)} by ${receipt.lifted_by ?? ""}`]),
    `Calls     ${calls.in_flight} in flight, ${calls.aborted} aborted (booked at $${calls.aborted_usd})`,
    `Waiting   ${receipt.jobs_waiting} jobs`,
    `Billing   at most $${receipt.may_still_cost_usd} for what is at the provider`,
  ];
  const processes = listing(
    ["PROCESS", "STATE", "IN FLIGHT", "LAST CALL (UTC)", "HOST", "PID"],
    receipt.processes.map((one) => [
      one.id,
      one.state,
      one.calls_in_flight,
      instant(one.last_call_at),
      one.host,
      one.pid,
    ]),
    "No process of Sluice was running.",
  );
  const rows = batches.list.map((batch) => [
    batch.id,
    batch.provider_id,
    batch.standing,
    batch.lines,
    `$${batch.may_still_cost_usd}`,
  ]);
  const sections = [lines.join("\n"), processes];
  if (rows.length > 0)
    sections.push(table(["MESSAGE BATCH", "AT THE PROVIDER", "STANDING", "LINES", "AT MOST"], rows));
  return sections.join("\n\n");
}
