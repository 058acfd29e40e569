// The picture of a run at one moment, as a block of lines and as one line.
import { bar, type BulkStatus, countsText } from "../../src/cli/bulk-status.ts";
import type { QueueStatus } from "../../src/cli/queue-status.ts";

export interface Picture {
  readonly bulk: BulkStatus;
  readonly queue: QueueStatus;
  /** Since the upload. */
  readonly elapsedMs: number;
}

const lanes = ["realtime", "batch"] as const;
type Lane = (typeof lanes)[number];

/** Jobs of a lane that have their outcome. */
export function doneIn({ bulk, queue }: Pick<Picture, "bulk" | "queue">, lane: Lane): number {
  const open = Object.values(queue.backlog.lane[lane] ?? {}).reduce((sum, jobs) => sum + jobs, 0);
  return Math.max(0, (bulk.counts.lane[lane] ?? 0) - open);
}

/** Realtime calls under way. */
export const callsUnderWay = ({ queue }: Pick<Picture, "queue">): number =>
  queue.backlog.lane.realtime?.["running"] ?? 0;

export function block(picture: Picture): string[] {
  const { bulk, queue, elapsedMs } = picture;
  const { done, total, percent } = bulk.progress;
  return [
    "",
    `  all       ${bar(percent)} ${done}/${total}  ${clock(elapsedMs)}`,
    ...lanes.map((lane) => laneLine(picture, lane)),
    `  outcomes  ${countsText(bulk.counts.outcome) || "none yet"}`,
    `  money     ${moneyText(picture)}`,
    `  waiting   ${waitText(bulk, queue)}`,
    "",
  ];
}

function laneLine(picture: Picture, lane: Lane): string {
  const total = picture.bulk.counts.lane[lane] ?? 0;
  const done = doneIn(picture, lane);
  const open = countsText(picture.queue.backlog.lane[lane] ?? {});
  return `  ${lane.padEnd(9)} ${bar(total === 0 ? 100 : (100 * done) / total)} ${done}/${total}${open === "" ? "" : `  ${open}`}`;
}

/** The same as one line. */
export function summary(picture: Picture): string {
  const { bulk, queue, elapsedMs } = picture;
  const { done, total } = bulk.progress;
  const byLane = lanes.map((lane) => `${lane} ${doneIn(picture, lane)}/${bulk.counts.lane[lane] ?? 0}`);
  return `  ${clock(elapsedMs)}  ${done}/${total}  ${byLane.join(", ")}  ${moneyText(picture)}  waiting: ${waitText(bulk, queue)}`;
}

function moneyText({ bulk, queue: { budget } }: Picture): string {
  const spent = `spent $${short(bulk.cost_usd)}`;
  return budget === null
    ? spent
    : `${spent}, held $${short(budget.held_usd)}, ceiling $${short(budget.limit_usd)}`;
}

function waitText({ wait_reason }: BulkStatus, { flags }: QueueStatus): string {
  const [flag] = flags;
  if (flag !== undefined) return `${flag.kind}: ${flag.reason}`;
  return wait_reason ?? "for nothing";
}

const short = (usd: string): string => Number(usd).toFixed(4);

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
