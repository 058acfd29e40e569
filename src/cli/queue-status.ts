// A queue as the API shows it, the parts that are printed.
import { z } from "zod";
import { countsText } from "./bulk-status.ts";
import type { Cell } from "./output.ts";
import { sluice } from "./typed.ts";

const flagSchema = z.object({ kind: z.string(), scope: z.string(), reason: z.string(), set_by: z.string() });

export const queueSchema = z.object({
  name: z.string(),
  shared: z.boolean(),
  owner: z.string(),
  default_type: z.string().nullable(),
  paused: z.boolean(),
  flags: z.array(flagSchema),
  backlog: z.object({
    total: z.number(),
    lane: z.partialRecord(z.enum(["realtime", "batch"]), z.record(z.string(), z.number())),
  }),
  budget: z
    .object({
      limit_usd: z.string(),
      window: z.string(),
      spent_usd: z.string(),
      held_usd: z.string(),
      available_usd: z.string(),
    })
    .nullable(),
});
export type QueueStatus = z.infer<typeof queueSchema>;

export const queuePageSchema = z.object({ queues: z.array(queueSchema), next: z.string().nullable() });

export const queueHead = ["QUEUE", "OWNER", "TYPE", "WAITING", "BUDGET", "SPENT", "HELD", "NOW"] as const;

export function queueRow(queue: QueueStatus): Cell[] {
  const { budget } = queue;
  return [
    queue.shared ? `${queue.name} (shared)` : queue.name,
    queue.owner,
    queue.default_type,
    queue.backlog.total,
    budget === null ? null : `$${budget.limit_usd}/${budget.window}`,
    budget === null ? null : `$${budget.spent_usd}`,
    budget === null ? null : `$${budget.held_usd}`,
    nowText(queue),
  ];
}

function nowText({ flags, paused }: QueueStatus): string {
  const [first] = flags;
  return first === undefined
    ? paused
      ? "paused"
      : "open"
    : `${first.kind} by ${first.set_by}: ${first.reason}`;
}

/** One queue in a few lines, after it was changed. */
export function queueText(queue: QueueStatus): string {
  const { budget, backlog } = queue;
  const lanes = Object.entries(backlog.lane).map(([lane, states]) => `${lane}: ${countsText(states)}`);
  return [
    `Queue ${queue.name}${queue.shared ? " (shared)" : ""}, owner ${queue.owner}, ${nowText(queue)}.`,
    budget === null
      ? `No budget of its own: see ${sluice} budget list for those that bind it.`
      : `Budget $${budget.limit_usd} per ${budget.window}: spent $${budget.spent_usd}, held $${budget.held_usd}, free $${budget.available_usd}.`,
    backlog.total === 0 ? "Nothing waits." : `Waiting: ${lanes.join("; ")}.`,
  ].join("\n");
}
