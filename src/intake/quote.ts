// A quote: what a submission would cost, before anything of it exists.
//
// The lines are read, checked, rendered and bounded exactly as a submission's are, and thrown away; kept are the sum and the hash of
// what was quoted, for an hour. A bulk that names the quote must be the same to the byte, and the quoted worst case becomes its own
// ceiling, in the transaction that accepts it. The worst case counts one attempt a line: a line that must be paid for twice then waits
// for the budget like any other, and somebody decides.

import { createHash } from "node:crypto";
import { limits } from "../config/limits.ts";
import { namedCaps } from "../domain/caps.ts";
import { ServiceError } from "../domain/errors.ts";
import { isId } from "../domain/ids.ts";
import { bindingLimit, expectedCost, timeToFinish } from "../domain/quote.ts";
import type { Binding } from "../domain/quote.ts";
import type { Lane } from "../domain/job.ts";
import type { Client } from "../postgres/pool.ts";
import { insertQuote, lockQuote, readObserved, useQuote } from "../postgres/quotes.ts";
import { readBacklog } from "../postgres/queues.ts";
import { readBudgetRooms } from "../postgres/windows.ts";
import { fill, openUpload, refuseIfInvalid } from "./gather.ts";
import { needsApproval } from "./submit.ts";
import type { IntakeDeps, Submission } from "./submit.ts";
import type { LaneLoad, Upload } from "./upload.ts";

export interface Quote {
  readonly id: string;
  readonly expiresAt: Date;
  readonly accepted: number;
  readonly invalid: number;
  readonly errors: Upload["inlineErrors"];
  readonly worstNano: bigint;
  readonly expectedNano: bigint;
  /** Attempts the expectation rests on; 0: a prior. */
  readonly samples: number;
  readonly lanes: Readonly<Record<Lane, Readonly<LaneLoad>>>;
  /** Seconds until the last job of a lane ends; null for a lane without jobs. */
  readonly finishS: Readonly<Record<Lane, number | null>>;
  readonly binding: Binding;
  readonly needsApproval: boolean;
}

/** A quote lives this long. */
const quoteMs = 3_600_000;
/** How far back the past is looked at, and how much of it. */
const observedMs = 7 * 86_400_000;
const observedEntriesMax = 5_000;
const observedBatchesMax = 50;

/**
 * Quotes a submission; nothing of it is accepted.
 * @throws ServiceError what submit throws for the same lines, but for keys used twice, which only the database finds
 */
export async function quote(
  deps: IntakeDeps & { readonly requestsPerMinute: number },
  submission: Submission,
  contentSha256: () => Buffer,
): Promise<Quote> {
  const now = deps.clock.now();
  const upload = await gather(deps, submission, now);
  const { queue, jobType, tenantId, createdBy } = submission;
  const { worstNano, lanes } = upload;
  const labels = JSON.stringify(submission.labels);
  const scope = { tenantId, queueId: queue.id, jobType: jobType.name, bulkId: "", labels };
  const [rows, backlog, rooms] = await Promise.all([
    readObserved(
      deps.pool,
      { tenantId, jobType: jobType.name, queueId: queue.id, since: new Date(now.getTime() - observedMs) },
      { entriesMax: observedEntriesMax, batchesMax: observedBatchesMax },
    ),
    readBacklog(deps.pool, [queue.id], null),
    readBudgetRooms(deps.pool, scope, now),
  ]);
  const observed = rows.map((row) => ({
    lane: row.lane === "batch" ? ("batch" as const) : ("realtime" as const),
    attempts: row.attempts,
    costNano: row.cost_nano,
    worstNano: row.worst_nano,
    batchS: row.batch_s,
  }));
  const ahead = backlog
    .filter(({ lane }) => lane === "realtime")
    .reduce((sum, row) => sum + Number(row.jobs), 0);
  const finishS = timeToFinish(lanes, observed, {
    requestsPerMinute: deps.requestsPerMinute,
    realtimeAhead: ahead,
  });
  const { nano: expectedNano, samples } = expectedCost(lanes, observed);
  const kept = {
    id: deps.newId(),
    tenantId,
    queueId: queue.id,
    jobType: jobType.name,
    requestSha256: requestSha256(submission, contentSha256()),
    worstNano,
    createdBy,
    expiresAt: new Date(now.getTime() + quoteMs),
  };
  await insertQuote(deps.pool, kept);
  return {
    id: kept.id,
    expiresAt: kept.expiresAt,
    accepted: upload.accepted,
    invalid: upload.invalid,
    errors: upload.inlineErrors,
    worstNano,
    expectedNano,
    samples,
    lanes,
    finishS,
    binding: bindingLimit(worstNano, rooms, finishS),
    needsApproval: needsApproval(queue, worstNano),
  };
}

async function gather(deps: IntakeDeps, submission: Submission, now: Date): Promise<Upload> {
  const upload = openUpload(deps, submission, now);
  const lines = submission.lines[Symbol.asyncIterator]();
  try {
    for (let ended = false; !ended;) {
      // oxlint-disable-next-line no-await-in-loop -- a stream is read in order
      ended = await fill(upload, lines);
      upload.counted(upload.takeJobs(), []);
      upload.takeErrors();
    }
  } finally {
    await lines.return?.();
  }
  refuseIfInvalid(upload, submission);
  return upload;
}

/**
 * Makes a quote the ceiling of the bulk that is being accepted, in its transaction.
 * @throws ServiceError not_found | quote_used | quote_mismatch: nothing is accepted then
 */
export async function redeemQuote(
  deps: IntakeDeps,
  client: Client,
  submission: Submission,
  quoted: { quoteId: string; bulkId: string; contentSha256: Buffer },
): Promise<void> {
  const { quoteId, bulkId } = quoted;
  const { tenantId, queue } = submission;
  const known = isId(quoteId) ? await lockQuote(client, quoteId, tenantId) : undefined;
  if (known === undefined)
    throw new ServiceError("not_found", {
      detail: `There is no quote ${quoteId.slice(0, limits.nameCharsMax)}.`,
    });
  if (known.bulk_id !== null)
    throw new ServiceError("quote_used", { detail: `Bulk ${known.bulk_id} was accepted under it.` });
  if (known.expires_at <= deps.clock.now())
    throw new ServiceError("quote_used", { detail: `It ended at ${known.expires_at.toISOString()}.` });
  if (!known.request_sha256.equals(requestSha256(submission, quoted.contentSha256)))
    throw new ServiceError("quote_mismatch");
  await useQuote(client, { quoteId, bulkId, budgetId: deps.newId(), tenantId, owner: queue.owner });
}

/** Of the body and of all that decides how its lines are treated. */
function requestSha256(
  { queue, jobType, onInvalid, choices, labels, caps = {} }: Submission,
  content: Buffer,
): Buffer {
  const { urgency = null, deadline = null, priority = null } = choices;
  const terms = [
    queue.id,
    jobType.name,
    onInvalid,
    urgency,
    deadline?.toISOString() ?? null,
    priority,
    labels,
    namedCaps(caps),
  ];
  return createHash("sha256")
    .update(`${JSON.stringify(terms)}\n`)
    .update(content)
    .digest();
}
