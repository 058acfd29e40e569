// The lines that wait for a message batch: in which queues and bulks they are, and the next of them locked and priced.

import { mixedRefused } from "../domain/pack.ts";
import type { WaitingLine } from "../domain/pack.ts";
import { priceAt, traitsOf, worstCostNanoUsd } from "../domain/price.ts";
import type { ModelStanding } from "../domain/refused-models.ts";
import type { WorkScope } from "../domain/work-scope.ts";
import { noteHeld } from "./dispatch.ts";
import type { Client, Database } from "./pool.ts";
import { query } from "./query.ts";
import type { RowOf } from "./query.ts";
import { boundsIn } from "./tight-bounds.ts";
import type { Bounds, Tightening } from "./tight-bounds.ts";

const waitingQueues = query("message-batches/waiting-queues");
const waitingBulks = query("message-batches/waiting-bulks");
const chooseLines = query("message-batches/choose-lines");
const failUnpriced = query("message-batches/fail-unpriced");

export interface WaitingQueue {
  readonly queueId: string;
  readonly tenantId: string;
}

/** The queues that have lines due for a message batch. */
export async function readWaitingQueues(db: Database, now: Date): Promise<WaitingQueue[]> {
  const { rows } = await waitingQueues(db, [now]);
  return rows.map((row) => ({ queueId: row.queue_id, tenantId: row.tenant_id }));
}

export interface LineBulk {
  readonly bulkId: string;
  readonly tenantId: string;
  readonly jobType: string;
  readonly accepted: number;
  readonly waiting: number;
}

/** Bulks of a queue with waiting lines, oldest first, from the one behind `afterBulkId` on; an empty text begins at the oldest. */
export async function readLineBulks(
  db: Database,
  queueId: string,
  afterBulkId: string,
  bulksMax: number,
): Promise<LineBulk[]> {
  const { rows } = await waitingBulks(db, [queueId, afterBulkId, bulksMax]);
  return rows.map((row) => ({
    bulkId: row.bulk_id,
    tenantId: row.tenant_id,
    jobType: row.job_type,
    accepted: row.accepted,
    waiting: row.waiting,
  }));
}

type LineRow = RowOf<"message-batches/choose-lines">;

/** A waiting line, priced. */
export interface Line extends WaitingLine {
  readonly row: LineRow;
  readonly bounds: Bounds;
  readonly worstNano: bigint;
  readonly priceId: string;
}

export interface LockTerms {
  /** Lines to look at, by bulk: its fair share of a pack. */
  readonly shares: ReadonlyMap<string, number>;
  readonly now: Date;
  /** Absent: holds are by bytes and declared caps. */
  readonly tightening?: Tightening | undefined;
  /** Whether work of this scope may start now. */
  isOpen(scope: WorkScope): boolean;
  /** Refused models: those that wait, and those of which one line may be tried. */
  readonly models: ModelStanding;
}

/** Locks each bulk's share. Models whose gate is shut are found on the way and passed over in the next look. */
export async function lockLines(client: Client, terms: LockTerms): Promise<LineRow[]> {
  const closedModels = new Set<string>();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- each look leaves out what the one before found shut; there are few models
    const { rows } = await chooseLines(client, [
      [...terms.shares.keys()],
      [...terms.shares.values()],
      terms.now,
      [...closedModels],
    ]);
    const shut = shutModels(rows, terms);
    if (shut.length === 0) return rows;
    const held = rows.filter(({ model }) => terms.models.held.has(model));
    // oxlint-disable-next-line no-await-in-loop -- as above
    await noteHeld(client, held, "credential");
    for (const model of shut) closedModels.add(model);
  }
}

function shutModels(rows: readonly LineRow[], terms: LockTerms): string[] {
  const scopes = new Map<string, WorkScope>();
  for (const row of rows) {
    scopes.set(`${row.bulk_id} ${row.job_type} ${row.model}`, {
      tenantId: row.tenant_id,
      queueId: row.queue_id,
      jobType: row.job_type,
      model: row.model,
      bulkId: row.bulk_id,
    });
  }
  return [...scopes.values()]
    .filter((scope) => terms.models.held.has(scope.model) || !terms.isOpen(scope))
    .map((scope) => scope.model);
}

/** What each line costs at most; those without a price are ended on the spot. */
export async function priceLines(
  client: Client,
  rows: readonly LineRow[],
  { now, tightening, models }: Pick<LockTerms, "now" | "tightening" | "models">,
): Promise<Line[]> {
  const boundsOf = await boundsIn(client, rows, { lane: "batch", now, tightening });
  const unpriced: string[] = [];
  const lines = rows.flatMap((row) => {
    const price = priceAt(row.model, now.getTime());
    if (price === undefined) {
      unpriced.push(row.id);
      return [];
    }
    const traits = traitsOf(row);
    const bounds = boundsOf(row);
    return [
      {
        row,
        bounds,
        id: row.id,
        bulkId: row.bulk_id,
        // The request as accepted, with other digits in one place.
        requestBytes: row.request_bytes + digits(bounds.outputTokensMax) - digits(row.output_tokens_max),
        queuedAtMs: row.queued_at.getTime(),
        attemptNo: row.attempt_no,
        tries: row.tries,
        retryReason: row.retry_reason,
        apart: row.retry_reason === mixedRefused || models.probing.has(row.model) ? row.model : null,
        worstNano: worstCostNanoUsd({ ...bounds, lane: "batch", price, traits }),
        priceId: price.id,
      },
    ];
  });
  if (unpriced.length > 0) await failUnpriced(client, [unpriced]);
  return lines;
}

const digits = (number: number): number => String(number).length;
