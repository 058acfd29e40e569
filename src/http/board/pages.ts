// The pages that Bull Board's entries link to: a bulk, a job with its attempts, a message batch. Ids, states, times and money;
// what callers sent and the model answered is not read for them at all.
import { limits } from "../../config/limits.ts";
import { formatUsd } from "../../domain/money.ts";
import {
  readBoardBulk,
  readBoardJob,
  readBoardJobs,
  readBoardMessageBatch,
  type BoardAttempt,
  type BoardBulk,
  type BoardBulkJob,
  type BoardJob,
  type BoardMessageBatch,
} from "../../postgres/board.ts";
import { readTallies, type Tally } from "../../postgres/bulks.ts";
import type { Database } from "../../postgres/pool.ts";
import { facts, html, table, type Html } from "./html.ts";

export interface Page {
  readonly title: string;
  readonly body: Html;
}

interface PageDeps {
  readonly database: Database;
  readonly basePath: string;
}

const when = (at: Date | null): string | null =>
  at
    ?.toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC") ?? null;
const usd = (nano: bigint | null): string | null => (nano === null ? null : `$${formatUsd(nano)}`);
const link = (deps: PageDeps, kind: "jobs" | "bulks" | "message-batches", id: string | null): Html | null =>
  id === null ? null : html`<a href="${deps.basePath}/${kind}/${id}">${id}</a>`;
const heading = (what: string, id: string, state: string): Html =>
  html`<h1>${what} ${id}</h1>
    <span class="tag">${state}</span>`;

export async function jobPage(deps: PageDeps, id: string): Promise<Page | undefined> {
  const found = await readBoardJob(deps.database, id);
  if (found === undefined) return undefined;
  const { job, attempts } = found;
  const body = html`${heading("Job", job.id, job.state)}${jobFacts(deps, job)}
    <h2>Attempts</h2>
    ${attemptTable(deps, attempts)}`;
  return { title: `Job ${job.id}`, body };
}

function jobFacts(deps: PageDeps, job: BoardJob): Html {
  const failure =
    job.failure_code === null ? null : `${job.failure_code} (fault: ${job.failure_fault ?? "unknown"})`;
  return facts([
    ["Tenant and queue", `${job.tenant_name} · ${job.queue_name}`],
    ["Bulk and line", html`${link(deps, "bulks", job.bulk_id) ?? ""}, line ${job.line}`],
    ["Type", `${job.job_type}, prompt version ${job.prompt_version}`],
    ["Model", job.model],
    ["Lane", `${job.lane}, ${job.urgency}, priority ${job.priority}`],
    ["Deadline", when(job.deadline_at)],
    ["Waits for", job.wait_reason],
    ["Not before", when(job.not_before)],
    ["Last retry", job.retry_reason],
    ["Failure", failure],
    ["Paid attempts", `${job.attempts_paid} of ${job.attempts_max} (${job.tries} tries)`],
    ["Cost", usd(job.cost_nano)],
    ["Of it presumed", job.presumed_nano === 0n ? null : usd(job.presumed_nano)],
    ["Message batch", link(deps, "message-batches", job.message_batch_id)],
    ["Accepted", when(job.created_at)],
    ["Queued", when(job.queued_at)],
    ["Dispatched", when(job.dispatched_at)],
    ["Finished", when(job.finished_at)],
  ]);
}

function attemptTable(deps: PageDeps, attempts: readonly BoardAttempt[]): Html {
  if (attempts.length === 0) return html`<p>Nothing has been sent yet.</p>`;
  const head = [
    "No",
    "Lane",
    "State",
    "Outcome",
    "HTTP",
    "Cost",
    "Worst case",
    "Started",
    "Answered",
    "Request",
    "Message batch",
  ];
  return table(
    head,
    attempts.map((one) => [
      one.no,
      one.lane,
      one.late ? `${one.state}, corrected late` : one.state,
      one.outcome,
      one.http_status === null ? null : `${one.http_status} ${one.error_type ?? ""}`,
      usd(one.cost_nano),
      usd(one.worst_nano),
      when(one.sent_at ?? one.claimed_at),
      when(one.answered_at),
      one.request_id,
      link(deps, "message-batches", one.message_batch_id),
    ]),
  );
}

/** @param afterLine the page of jobs begins behind this line */
export async function bulkPage(deps: PageDeps, id: string, afterLine: number): Promise<Page | undefined> {
  const bulk = await readBoardBulk(deps.database, id);
  if (bulk === undefined) return undefined;
  const tallies = (await readTallies(deps.database, [id])).get(id) ?? [];
  const jobs = await readBoardJobs(deps.database, id, afterLine, limits.pageRowsDefault);
  const body = html`${heading("Bulk", bulk.id, stateOf(bulk))}${bulkFacts(deps, bulk, tallies)}
    <h2>Counts</h2>
    ${tallyTable(tallies)}
    <h2>Jobs</h2>
    ${jobTable(deps, bulk.id, jobs)}`;
  return { title: `Bulk ${bulk.id}`, body };
}

function stateOf(bulk: BoardBulk): string {
  if (bulk.deleted_at !== null) return "deleted";
  if (bulk.canceled_at !== null) return bulk.finished_at === null ? "canceling" : "canceled";
  return bulk.finished_at === null ? "running" : "finished";
}

function bulkFacts(deps: PageDeps, bulk: BoardBulk, tallies: readonly Tally[]): Html {
  const costNano = tallies.reduce((sum, tally) => sum + tally.costNano, 0n);
  return facts([
    ["Tenant and queue", `${bulk.tenant_name} · ${bulk.queue_name}`],
    ["Type", bulk.job_type],
    [
      "Accepted",
      `${bulk.accepted} jobs${bulk.invalid > 0 ? `, ${bulk.invalid} invalid lines left out` : ""}`,
    ],
    ["Submitted", `${when(bulk.created_at) ?? ""} by ${bulk.created_by}`],
    ["Retry of", link(deps, "bulks", bulk.retry_of)],
    ["Cost", usd(costNano)],
    ["Expires", bulk.finished_at === null ? when(bulk.expires_at) : null],
    [
      "Canceled",
      bulk.canceled_at === null ? null : `${when(bulk.canceled_at) ?? ""} by ${bulk.canceled_by ?? ""}`,
    ],
    ["Finished", when(bulk.finished_at)],
  ]);
}

function tallyTable(tallies: readonly Tally[]): Html {
  return table(
    ["State", "Lane", "Jobs", "Cost", "Realtime alone"],
    tallies
      .filter((tally) => tally.jobs !== 0n)
      .map(({ state, lane, jobs, costNano, realtimeNano }) => [
        state,
        lane,
        jobs,
        usd(costNano),
        usd(realtimeNano),
      ]),
  );
}

function jobTable(deps: PageDeps, bulkId: string, jobs: readonly BoardBulkJob[]): Html {
  const rows = jobs.map((job) => [
    job.line,
    link(deps, "jobs", job.id),
    job.state,
    job.lane,
    job.wait_reason,
    job.attempts_paid,
    usd(job.cost_nano),
    when(job.finished_at),
  ]);
  const last = jobs.length === limits.pageRowsDefault ? jobs.at(-1) : undefined;
  const next =
    last === undefined
      ? html``
      : html`<p><a href="${deps.basePath}/bulks/${bulkId}?after=${last.line}">Further jobs</a></p>`;
  return html`${table(["Line", "Job", "State", "Lane", "Waits for", "Paid attempts", "Cost", "Finished"], rows)}${next}`;
}

export async function messageBatchPage(deps: PageDeps, id: string): Promise<Page | undefined> {
  const batch = await readBoardMessageBatch(deps.database, id);
  if (batch === undefined) return undefined;
  return {
    title: `Message batch ${id}`,
    body: html`${heading("Message batch", id, batch.state)}${batchFacts(batch)}
      <h2>Lines</h2>
      ${lineTable(batch)}`,
  };
}

function batchFacts(batch: BoardMessageBatch): Html {
  return facts([
    ["Tenant and queue", `${batch.tenant_name} · ${batch.queue_name}`],
    ["At the provider", batch.provider_id],
    ["Its status there", batch.processing_status],
    ["Lines", batch.line_count],
    ["Bytes", batch.body_bytes],
    ["Error", batch.error_code],
    ["Paid twice", batch.paid_twice === 0 ? null : `${batch.paid_twice} lines`],
    ["Packed", when(batch.created_at)],
    ["In doubt since", batch.state === "doubtful" ? when(batch.doubtful_since) : null],
    ["Cancel asked", when(batch.cancel_requested_at)],
    ["Next poll", batch.ended_at === null ? when(batch.next_poll_at) : null],
    ["Expires there", when(batch.provider_expires_at)],
    ["Ended", when(batch.ended_at)],
    ["Ingested", when(batch.ingested_at)],
  ]);
}

function lineTable(batch: BoardMessageBatch): Html {
  return table(
    ["Processing", "Succeeded", "Errored", "Canceled", "Expired", "Ingested here"],
    [
      [
        batch.count_processing,
        batch.count_succeeded,
        batch.count_errored,
        batch.count_canceled,
        batch.count_expired,
        batch.ingested_lines,
      ],
    ],
  );
}
