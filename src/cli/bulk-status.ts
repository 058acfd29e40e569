// A bulk as the API shows it, the parts that are printed; and how its progress looks on one line.
import { z } from "zod";
import type { Client } from "./client.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { cliLimits } from "./limits.ts";

const counts = z.record(z.string(), z.number());

const bulkStatusSchema = z.object({
  id: z.string(),
  queue: z.string(),
  type: z.string(),
  state: z.enum(["running", "canceling", "finished", "deleted"]),
  accepted: z.number(),
  counts: z.object({ state: counts, outcome: counts, lane: counts }),
  progress: z.object({ done: z.number(), total: z.number(), percent: z.number() }),
  cost_usd: z.string(),
  presumed_usd: z.string(),
  realtime_only_usd: z.string(),
  saved_pct: z.number(),
  wait_reason: z.string().nullable(),
  wait_detail: z.string().nullable(),
  eta: z.object({ finish_at: z.string(), jobs_per_s: z.number() }).nullable(),
});
export type BulkStatus = z.infer<typeof bulkStatusSchema>;

/** How a bulk stands now. */
export async function readBulk(client: Client, id: string): Promise<BulkStatus> {
  return parseAnswer(
    bulkStatusSchema,
    await client.request("GET", `/v1/bulks/${encodeURIComponent(id)}`),
    client.url,
  );
}

/** Reads an answer of the service; another version of it may say other things. */
export function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown, url: string): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new CliError(
    exitCodes.refused,
    `The service at ${url} answers in another form than expected (${where}).`,
    {
      hint: "Use the command line of the same version as the service.",
    },
  );
}

export const isFinished = (bulk: BulkStatus): boolean =>
  bulk.state === "finished" || bulk.state === "deleted";

/** Jobs that have an outcome other than `succeeded`. */
export const unsuccessful = (bulk: BulkStatus): number =>
  bulk.progress.done - (bulk.counts.outcome["succeeded"] ?? 0);

/** `[#####-----] 512/1000 (51.2%)  running 40  succeeded 500 …  $0.12  waits: budget` */
export function progressLine(bulk: BulkStatus): string {
  const { done, total, percent } = bulk.progress;
  const parts = [
    `${bar(percent)} ${done}/${total} (${percent}%)`,
    countsText(bulk.counts.state),
    `$${bulk.cost_usd}`,
    waitText(bulk),
  ];
  return parts.filter((part) => part !== "").join("  ");
}

function waitText({ wait_reason, wait_detail, eta }: BulkStatus): string {
  if (wait_reason !== null) return `waits: ${wait_reason}${wait_detail === null ? "" : ` (${wait_detail})`}`;
  return eta === null ? "" : `done about ${eta.finish_at.slice(11, 19)} UTC`;
}

export function bar(percent: number): string {
  const full = Math.round((Math.min(100, Math.max(0, percent)) / 100) * cliLimits.barChars);
  return `[${"#".repeat(full)}${"-".repeat(cliLimits.barChars - full)}]`;
}

/** `running 40, succeeded 500`: the counts that are not zero. */
export const countsText = (byName: Readonly<Record<string, number>>): string =>
  Object.entries(byName)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
