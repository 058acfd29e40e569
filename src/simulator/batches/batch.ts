/**
 * One message batch.
 *
 *     in_progress ──▶ ended            all lines produced, or the rest expired at created_at + 24 h
 *          └──▶ canceling ──▶ ended    some unfinished lines still succeed (and are billed), the rest are canceled
 *     ended ──▶ archived (29 days after creation: results are gone, the object stays)
 *
 * Lines are produced in a shuffled order as the virtual clock goes on; `produced` is how many are. A line is answered and billed
 * once, when it is produced, and its row is kept. Nothing is produced twice and no row changes later.
 */
import type { ApiVersion, Identity } from "../world.ts";
import { Spool } from "./spool.ts";

export const dayMs = 86_400_000;
export const retentionMs = 29 * dayMs;

export type RowKind = "succeeded" | "errored" | "canceled" | "expired";

export interface Batch {
  readonly id: string;
  readonly number: number;
  readonly identity: Identity;
  readonly version: ApiVersion;
  readonly createdMs: number;
  readonly durationMs: number;
  readonly customIds: readonly string[];
  /** Line i stands at [starts[i], starts[i+1]) of `lines`. */
  readonly starts: readonly number[];
  readonly lines: Spool;
  readonly order: Uint32Array;
  produced: number;
  readonly tally: Record<RowKind, number>;
  readonly rows: Spool;
  readonly rowEnds: number[];
  cancel: {
    readonly atMs: number;
    readonly endMs: number;
    readonly base: number;
    readonly late: number;
  } | null;
  endedMs: number | null;
  archivedMs: number | null;
}

export const newBatch = (
  made: Pick<
    Batch,
    | "id"
    | "number"
    | "identity"
    | "version"
    | "createdMs"
    | "durationMs"
    | "customIds"
    | "starts"
    | "lines"
    | "order"
  >,
): Batch => ({
  ...made,
  produced: 0,
  tally: { succeeded: 0, errored: 0, canceled: 0, expired: 0 },
  rows: new Spool(),
  rowEnds: [],
  cancel: null,
  endedMs: null,
  archivedMs: null,
});

export const expiresMs = (batch: Batch): number => batch.createdMs + dayMs;

export const waiting = (batch: Batch): number =>
  batch.endedMs === null ? batch.customIds.length - batch.produced : 0;

const timeText = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** The API's MessageBatch. Frozen counters show every line as processing until the end. */
export const batchView = (
  batch: Batch,
  origin: string,
  counters: "frozen" | "moving",
): Record<string, unknown> => {
  const ended = batch.endedMs !== null;
  const hidden = !ended && (counters === "frozen" || batch.cancel !== null);
  const total = batch.customIds.length;
  const counts = hidden
    ? { processing: total, succeeded: 0, errored: 0, canceled: 0, expired: 0 }
    : { processing: ended ? 0 : total - batch.produced, ...batch.tally };
  return {
    id: batch.id,
    type: "message_batch",
    processing_status: statusOf(batch),
    request_counts: counts,
    created_at: timeText(batch.createdMs),
    expires_at: timeText(expiresMs(batch)),
    ended_at: timeText(batch.endedMs),
    cancel_initiated_at: timeText(batch.cancel?.atMs ?? null),
    archived_at: timeText(batch.archivedMs),
    results_url: ended ? `${origin}/v1/messages/batches/${batch.id}/results` : null,
  };
};

export const statusOf = (batch: Batch): "in_progress" | "canceling" | "ended" => {
  if (batch.endedMs !== null) return "ended";
  return batch.cancel === null ? "in_progress" : "canceling";
};
