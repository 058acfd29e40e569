// From rows to what the API shows: snake_case, money as decimal strings, times in UTC, null where there is nothing.
import { formatUsd } from "../domain/money.ts";
import { type FinalState, isFinal, type JobState } from "../domain/job.ts";
import type { BulkRow, Tally } from "../postgres/bulks.ts";
import type { AttemptRow, JobRow, ListedJobRow, ResultRow } from "../postgres/jobs-read.ts";

/** An instant as it is shown. */
export const iso = (at: Date | null): string | null => at?.toISOString() ?? null;

export function bulkLinks(origin: string, id: string): Record<string, string> {
  const self = `${origin}/v1/bulks/${id}`;
  return {
    self,
    results: `${self}/results`,
    events: `${self}/events`,
    errors: `${self}/errors`,
    jobs: `${origin}/v1/jobs?bulk=${id}`,
  };
}

/** A bulk with its counts and its money. */
export function presentBulk(bulk: BulkRow, tallies: readonly Tally[], origin: string) {
  const counts = countsOf(tallies);
  const costNano = sum(tallies, (tally) => tally.costNano);
  const realtimeNano = sum(tallies, (tally) => tally.realtimeNano);
  const done = Object.values(counts.outcome).reduce((total, jobs) => total + jobs, 0);
  return {
    id: bulk.id,
    queue: bulk.queue_name,
    type: bulk.job_type,
    state: stateOf(bulk, done),
    labels: bulk.labels,
    on_invalid: bulk.on_invalid,
    accepted: bulk.accepted,
    invalid: bulk.invalid,
    single: bulk.single,
    retry_of: bulk.retry_of,
    caps: bulk.caps,
    caps_left: { attempts: amount(bulk.attempts_left), total_tokens: amount(bulk.tokens_left) },
    created_by: bulk.created_by,
    created_at: iso(bulk.created_at),
    expires_at: iso(bulk.expires_at),
    canceled_at: iso(bulk.canceled_at),
    finished_at: iso(bulk.finished_at),
    deleted_at: iso(bulk.deleted_at),
    counts,
    progress: progressOf(done, bulk.accepted),
    cost_usd: formatUsd(costNano),
    presumed_usd: formatUsd(sum(tallies, (tally) => tally.presumedNano)),
    realtime_only_usd: formatUsd(realtimeNano),
    saved_usd: formatUsd(realtimeNano - costNano),
    saved_pct: percent(realtimeNano - costNano, realtimeNano),
    links: bulkLinks(origin, bulk.id),
  };
}

function countsOf(tallies: readonly Tally[]): Record<"state" | "outcome" | "lane", Record<string, number>> {
  const counts = { state: {}, outcome: {}, lane: {} };
  for (const { lane, state, jobs } of tallies) {
    if (jobs === 0n) continue;
    add(counts.state, state, jobs);
    add(counts.lane, lane, jobs);
    if (isFinal(state)) add(counts.outcome, state, jobs);
  }
  return counts;
}

const amount = (value: bigint | null): number | null => (value === null ? null : Number(value));

const progressOf = (done: number, total: number) => ({
  done,
  total,
  percent: total === 0 ? 100 : Math.floor((done * 1_000) / total) / 10,
});

function add(counts: Record<string, number>, name: string, jobs: bigint): void {
  counts[name] = (counts[name] ?? 0) + Number(jobs);
}

const sum = (tallies: readonly Tally[], of: (tally: Tally) => bigint): bigint =>
  tallies.reduce((total, tally) => total + of(tally), 0n);

/** With one decimal; 0 of nothing is 0. */
export const percent = (part: bigint, whole: bigint): number =>
  whole <= 0n ? 0 : Number((part * 1_000n) / whole) / 10;

// The fold writes finished_at a moment after the last outcome; the counts know at once.
function stateOf(bulk: BulkRow, done: number): "running" | "canceling" | "finished" | "deleted" {
  if (bulk.deleted_at !== null) return "deleted";
  if (done >= bulk.accepted) return "finished";
  return bulk.canceled_at === null ? "running" : "canceling";
}

/** The outcome, if there is one. */
const outcomeOf = (state: JobState): FinalState | null => (isFinal(state) ? state : null);

function failureOf(row: {
  failure_code: string | null;
  failure_fault: string | null;
  reason?: string | null;
}) {
  if (row.failure_code === null) return null;
  return { code: row.failure_code, fault: row.failure_fault, reason: row.reason ?? null };
}

export function presentListedJob(job: ListedJobRow | JobRow, origin: string) {
  return {
    id: job.id,
    bulk: job.bulk_id,
    queue: job.queue_name,
    line: job.line,
    key: job.key,
    type: job.job_type,
    lane: job.lane,
    urgency: job.urgency,
    deadline: iso(job.deadline_at),
    priority: job.priority,
    labels: job.labels,
    state: job.state,
    outcome: outcomeOf(job.state),
    wait_reason: job.wait_reason,
    failure: failureOf(job),
    attempts_paid: job.attempts_paid,
    retry_of: job.retry_of,
    cost_usd: formatUsd(job.cost_nano),
    created_at: iso(job.created_at),
    finished_at: iso(job.finished_at),
    links: { self: `${origin}/v1/jobs/${job.id}`, bulk: `${origin}/v1/bulks/${job.bulk_id}` },
  };
}

export function presentJob(
  job: JobRow,
  attempts: readonly AttemptRow[],
  origin: string,
  wait: { wait_detail: string; wait_budgets: readonly unknown[] } | null,
) {
  return {
    ...presentListedJob(job, origin),
    wait_detail: wait?.wait_detail ?? null,
    wait_budgets: wait?.wait_budgets ?? [],
    downgraded_at: iso(job.downgraded_at),
    output: parsed(job.output),
    confidence: job.confidence,
    abstained: job.abstained,
    decided_by: job.decided_by,
    reason: job.reason,
    model: job.model,
    prompt_version: job.prompt_version,
    attempts_max: job.attempts_max,
    tries: job.tries,
    continuations: job.continuations,
    retry_reason: job.retry_reason,
    not_before: iso(job.not_before),
    expires_at: iso(job.expires_at),
    cancel_requested_at: iso(job.cancel_requested_at),
    presumed_usd: formatUsd(job.presumed_nano),
    realtime_only_usd: formatUsd(job.realtime_nano),
    attempts: attempts.map(presentAttempt),
  };
}

function presentAttempt(attempt: AttemptRow) {
  return {
    no: attempt.no,
    lane: attempt.lane,
    state: attempt.state,
    outcome: attempt.outcome,
    retry_reason: attempt.retry_reason,
    message_batch: attempt.message_batch_id,
    type: attempt.job_type,
    prompt_version: attempt.prompt_version,
    model: attempt.model,
    request_sha256: attempt.request_sha256.toString("hex"),
    request_bytes: attempt.request_bytes,
    prompt_masked: attempt.prompt_masked,
    answer_sha256: attempt.answer_sha256?.toString("hex") ?? null,
    answer_masked: attempt.answer_masked,
    http_status: attempt.http_status,
    error_type: attempt.error_type,
    request_id: attempt.request_id,
    stop_reason: attempt.stop_reason,
    usage: attempt.usage,
    input_tokens_max: attempt.input_tokens_max,
    max_tokens: attempt.output_tokens_max,
    worst_usd: formatUsd(attempt.worst_nano),
    cost_usd: attempt.cost_nano === null ? null : formatUsd(attempt.cost_nano),
    realtime_only_usd: attempt.realtime_nano === null ? null : formatUsd(attempt.realtime_nano),
    price: attempt.price_id,
    guard_verdict: attempt.guard_verdict,
    late: attempt.late,
    queued_at: iso(attempt.queued_at),
    sent_at: iso(attempt.sent_at),
    answered_at: iso(attempt.answered_at),
    recorded_at: iso(attempt.recorded_at),
    times_ms: {
      queued: between(attempt.queued_at, attempt.dispatched_at),
      dispatched: between(attempt.dispatched_at, attempt.claimed_at),
      prepared: between(attempt.claimed_at, attempt.sent_at),
      provider: between(attempt.sent_at, attempt.answered_at),
      recorded: between(attempt.answered_at, attempt.recorded_at),
    },
  };
}

const between = (from: Date | null, to: Date | null): number | null =>
  from === null || to === null ? null : to.getTime() - from.getTime();

/** A line of a bulk's results. */
export function presentResult(row: ResultRow) {
  return {
    line: row.line,
    key: row.key,
    job_id: row.id,
    outcome: outcomeOf(row.state),
    output: parsed(row.output),
    confidence: row.confidence,
    abstained: row.abstained,
    decided_by: row.decided_by,
    reason: row.reason,
    failure: failureOf(row),
    cost_usd: formatUsd(row.cost_nano),
    attempts: row.attempts_paid,
  };
}

const parsed = (json: string | null): unknown => (json === null ? null : (JSON.parse(json) as unknown));
