// The claim: a dispatched job becomes running, with its money held, in one short transaction.
//
// This is the only place where realtime work takes money, and it does so for a group of jobs at once: lock the jobs, lock the
// budget windows, decide, write. What does not fit goes back to its queue with the wait reason `budget` and fails nobody else, or to
// the batch lane where the ceiling in its way says so and the job may wait.
// The window that the dispatcher keeps in BullMQ holds no money. Dying before the commit leaves the jobs dispatched, and the
// sweep requeues them; dying after it leaves attempts that the reaper books at their worst case.
//
// In two halves, because the transaction may also record attempts that ended (postgres/books.ts): rows of jobs are locked by
// both before either locks a window.

import type { Unbudgeted } from "../domain/budget.ts";
import { admit } from "../domain/hold.ts";
import { priceAt, traitsOf, worstCostNanoUsd } from "../domain/price.ts";
import type { CostTraits, Price } from "../domain/price.ts";
import { returnDispatched } from "./claim-returns.ts";
import { downgradeJobs } from "./downgrade.ts";
import type { Client } from "./pool.ts";
import { query } from "./query.ts";
import { boundsIn } from "./tight-bounds.ts";
import type { Bounds, Tightening } from "./tight-bounds.ts";
import type { RowOf } from "./query.ts";
import { lockWindows, takeHolds, windowsFor } from "./windows.ts";
import type { WindowChanges } from "./windows.ts";

const lockJobs = query("claim/lock-jobs");
const startAttempts = query("claim/start-attempts");
const failUnsent = query("claim/fail-jobs");

export interface Claim {
  jobId: string;
  dispatchNo: number;
}

type JobRow = RowOf<"claim/lock-jobs">;

/** A job that may be sent now. */
export interface ClaimedJob {
  id: string;
  tenantId: string;
  bulkId: string;
  queueId: string;
  jobType: string;
  model: string;
  promptVersion: number;
  requestSha256: Buffer;
  inputTokensMax: number;
  traits: CostTraits;
  attemptNo: number;
  /** Paid attempts, less those that were only continued. */
  attemptsCounted: number;
  attemptsMax: number;
  tries: number;
  input: string;
  /** Paused answers that the request carries behind its own turns. */
  turns: readonly string[];
  price: Price;
  worstNano: bigint;
  /** The `max_tokens` of this attempt where it is below the declared one. */
  cap?: number;
}

export type ClaimAnswer =
  | { claimed: true; job: ClaimedJob }
  /**
   * gone: somebody else moved it. budget: a ceiling is in the way, it waits. downgraded: it went to the batch lane instead. failed: it
   * can never be sent.
   */
  | { claimed: false; why: "gone" | "budget" | "downgraded" | "failed" };

export interface ClaimTerms {
  processId: string;
  credentialId: string;
  now: Date;
  newId(): string;
  /** When a job that found no room under a ceiling is looked at again, if nobody raises the limit before. */
  budgetRetryAt: Date;
  unbudgeted: Unbudgeted;
  /** Absent: holds are by bytes and declared caps. */
  tightening?: Tightening | undefined;
}

/** What a claim has found before any window is locked. */
interface FoundJobs {
  candidates: Candidate[];
  /** Jobs whose model has no price: they can never be sent. */
  unpriced: JobRow[];
}

const nameOf = ({ jobId, dispatchNo }: Claim): string => `${jobId}-${dispatchNo}`;
const claimOf = (row: JobRow): Claim => ({ jobId: row.id, dispatchNo: row.dispatch_no });

/** First half: locks the jobs that are still in their dispatch. */
export async function findClaimed(
  client: Client,
  claims: readonly Claim[],
  { now, tightening }: Pick<ClaimTerms, "now" | "tightening">,
): Promise<FoundJobs> {
  const different = [...new Map(claims.map((claim) => [nameOf(claim), claim])).values()];
  const sorted = different.toSorted((a, b) => (a.jobId < b.jobId ? -1 : 1));
  const { rows } = await lockJobs(client, [
    sorted.map((claim) => claim.jobId),
    sorted.map((claim) => claim.dispatchNo),
  ]);
  return priceJobs(rows, await boundsIn(client, rows, { lane: "realtime", now, tightening }), now);
}

/**
 * Second half: locks the windows, decides, opens the attempts of what fits and puts the rest back. What the same transaction has
 * changed in the windows before (settlements) counts; what it holds now is added to `changes`, for the caller to write last.
 * Answers one verdict a claim, in the same order.
 *
 * A turn may hold several claims of one job: the queue may bring an entry twice, and the entry of a dispatch that was called back
 * beside the entry of the next one. Only one of them is the dispatch the job is in, and only one claim has it; a job whose claims
 * were all told yes would be called, and paid, as many times.
 */
export async function startClaimed(
  client: Client,
  claims: readonly Claim[],
  found: FoundJobs,
  terms: ClaimTerms & { changes: WindowChanges },
): Promise<ClaimAnswer[]> {
  const answers = new Map<string, ClaimAnswer>();
  const { admitted, refused, cheaper } = await holdMoney(client, found.candidates, terms);
  if (refused.length > 0)
    await returnDispatched(client, [
      refused.map(({ row }) => row.id),
      refused.map(({ row }) => row.dispatch_no),
      refused.map(() => "budget"),
      refused.map(() => terms.budgetRetryAt),
    ]);
  await downgradeJobs(
    client,
    cheaper.map(({ row }) => row.id),
    terms.now,
  );
  const { unpriced } = found;
  if (unpriced.length > 0)
    await failUnsent(client, [
      unpriced.map((row) => row.id),
      unpriced.map(() => "price_unknown"),
      unpriced.map(() => "policy"),
    ]);
  for (const candidate of admitted)
    answers.set(nameOf(claimOf(candidate.row)), { claimed: true, job: claimedOf(candidate) });
  for (const { row } of refused) answers.set(nameOf(claimOf(row)), { claimed: false, why: "budget" });
  for (const { row } of cheaper) answers.set(nameOf(claimOf(row)), { claimed: false, why: "downgraded" });
  for (const row of unpriced) answers.set(nameOf(claimOf(row)), { claimed: false, why: "failed" });
  return claims.map((claim) => {
    const answer = answers.get(nameOf(claim));
    answers.delete(nameOf(claim));
    return answer ?? { claimed: false, why: "gone" };
  });
}

interface Candidate {
  row: JobRow;
  bounds: Bounds;
  price: Price;
  worstNano: bigint;
  attemptNo: number;
}

function priceJobs(rows: readonly JobRow[], boundsOf: (row: JobRow) => Bounds, now: Date): FoundJobs {
  const candidates: Candidate[] = [];
  const unpriced: JobRow[] = [];
  for (const row of rows) {
    const price = priceAt(row.model, now.getTime());
    if (price === undefined) unpriced.push(row);
    else {
      const traits = traitsOf(row);
      const bounds = boundsOf(row);
      candidates.push({
        row,
        bounds,
        price,
        worstNano: worstCostNanoUsd({ ...bounds, lane: "realtime", price, traits }),
        attemptNo: row.attempt_no + 1,
      });
    }
  }
  return { candidates, unpriced };
}

interface Decided {
  /** Their money is held; they run from here on. */
  admitted: Candidate[];
  refused: Candidate[];
  /** Refused by a ceiling that sends them to the batch lane. */
  cheaper: Candidate[];
}

/** Decides and takes the holds. */
async function holdMoney(
  client: Client,
  candidates: readonly Candidate[],
  terms: ClaimTerms & { changes: WindowChanges },
): Promise<Decided> {
  if (candidates.length === 0) return { admitted: [], refused: [], cheaper: [] };
  const scopes = candidates.map(({ row }) => ({
    tenantId: row.tenant_id,
    queueId: row.queue_id,
    jobType: row.job_type,
    bulkId: row.bulk_id,
    labels: row.labels,
  }));
  const { windowIds, downgrading } = await windowsFor(client, scopes, terms.now);
  const rooms = await lockWindows(client, [...windowIds.flat(), ...terms.changes.ids()]);
  const available = terms.changes.applyTo(new Map([...rooms].map(([id, room]) => [id, room.availableNano])));
  const verdicts = admit(
    available,
    candidates.map(({ worstNano }, index) => ({ amountNano: worstNano, windowIds: windowIds[index] ?? [] })),
    terms.unbudgeted,
  );
  const decided: Decided = { admitted: [], refused: [], cheaper: [] };
  const held: Held[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const { fits, shortIds } = verdicts[index] ?? { fits: false, shortIds: [] };
    if (fits) held.push({ candidate, windowIds: windowIds[index] ?? [], holdId: terms.newId() });
    else if (candidate.row.may_wait && shortIds.some((id) => downgrading.has(id)))
      decided.cheaper.push(candidate);
    else decided.refused.push(candidate);
  }
  if (held.length > 0) await writeHolds(client, held, terms);
  decided.admitted.push(...held.map(({ candidate }) => candidate));
  return decided;
}

interface Held {
  candidate: Candidate;
  windowIds: readonly bigint[];
  holdId: string;
}

async function writeHolds(
  client: Client,
  admitted: readonly Held[],
  terms: ClaimTerms & { changes: WindowChanges },
): Promise<void> {
  await startAttempts(client, [
    admitted.map(({ candidate }) => candidate.row.id),
    admitted.map(({ candidate }) => candidate.attemptNo),
    terms.processId,
    terms.credentialId,
    admitted.map(({ holdId }) => holdId),
    admitted.map((entry) => `{${entry.windowIds.join(",")}}`),
    admitted.map(({ candidate }) => candidate.worstNano),
    admitted.map(({ candidate }) => candidate.price.id),
    terms.now,
    admitted.map(({ candidate }) => candidate.bounds.inputTokensMax),
    admitted.map(({ candidate }) => candidate.bounds.outputTokensMax),
  ]);
  await takeHolds(
    client,
    admitted.map(({ candidate, windowIds: parts, holdId }) => ({
      id: holdId,
      tenantId: candidate.row.tenant_id,
      ownerKind: "attempt" as const,
      ownerId: `${candidate.row.id}-${candidate.attemptNo}`,
      reason: "realtime_call",
      amountNano: candidate.worstNano,
      parts: new Map(parts.map((id) => [id, candidate.worstNano])),
      expiresAt: null,
    })),
    terms.changes,
  );
}

function claimedOf({ row, bounds, price, worstNano, attemptNo }: Candidate): ClaimedJob {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    bulkId: row.bulk_id,
    queueId: row.queue_id,
    jobType: row.job_type,
    model: row.model,
    promptVersion: row.prompt_version,
    requestSha256: row.request_sha256,
    inputTokensMax: row.input_tokens_max,
    traits: traitsOf(row),
    attemptNo,
    attemptsCounted: row.attempts_counted,
    attemptsMax: row.attempts_max,
    tries: row.tries,
    input: row.input,
    turns: row.turns ?? [],
    price,
    worstNano,
    ...(bounds.outputTokensMax < row.output_tokens_max && { cap: bounds.outputTokensMax }),
  };
}
