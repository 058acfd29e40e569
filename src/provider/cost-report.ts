// The provider's own money: GET /v1/organizations/cost_report with an admin key, by UTC day, in dollars it has computed itself. It is what
// the usage report cannot be, which counts tokens and leaves the price to our table.
//
// Amounts are decimal strings in cents. It knows workspaces and no keys, one day is its finest grain, and it leaves out what is billed by
// commitment (the priority tier). With `description` as a group each item names its model and service tier, where it has one.

import { z } from "zod";
import { ServiceError } from "../domain/errors.ts";
import { findModel } from "../domain/models.ts";
import { dayText } from "../domain/reconcile.ts";
import type { ProviderFigure } from "../domain/reconcile.ts";
import type { Provider } from "./client.ts";
import type { FigureSource, FigureSpan } from "./figures.ts";

const reportPath = "/v1/organizations/cost_report";
const pagesMax = 1_000;
const bucketsPerPage = 31;
const deadlineMs = 60_000;

const itemSchema = z.object({
  amount: z.string().regex(/^-?\d+(\.\d+)?$/),
  currency: z.literal("USD"),
  cost_type: z.string().nullable(),
  model: z.string().nullable(),
  service_tier: z.string().nullable(),
  workspace_id: z.string().nullable(),
});
const reportSchema = z.object({
  data: z.array(z.object({ starting_at: z.string(), results: z.array(itemSchema) })),
  has_more: z.boolean(),
  next_page: z.string().nullable(),
});
type Report = z.infer<typeof reportSchema>;

/** Reads the cost report, of some workspaces or of all. `provider` is a client with the admin key. */
export function createCostReport(
  provider: Pick<Provider, "request">,
  { workspaceIds }: { workspaceIds: readonly string[] },
): FigureSource {
  const isOurs = (id: string | null): boolean =>
    workspaceIds.length === 0 || (id !== null && workspaceIds.includes(id));
  return {
    describe: "cost report",
    read: async (span) => {
      const figures: ProviderFigure[] = [];
      let page: string | null = null;
      for (let pages = 0; pages < pagesMax; pages += 1) {
        // oxlint-disable-next-line no-await-in-loop -- a page follows from the one before
        const report: Report = await readPage(provider, span, page);
        const items = report.data.flatMap(({ starting_at: startingAt, results }) =>
          results.map((item) => ({ item, startingAt })),
        );
        const ours = items.filter(({ item }) => isOurs(item.workspace_id));
        figures.push(...ours.map(({ item, startingAt }) => figureOf(item, startingAt)));
        page = report.next_page;
        if (!report.has_more || page === null) return { figures, byBatch: false, sums: true, unpriced: [] };
      }
      throw unavailable("The cost report has no end.");
    },
  };
}

async function readPage(
  provider: Pick<Provider, "request">,
  { since, until }: FigureSpan,
  page: string | null,
): Promise<Report> {
  const query = {
    starting_at: `${dayText(since.getTime())}T00:00:00Z`,
    ending_at: until.toISOString(),
    bucket_width: "1d",
    group_by: ["workspace_id", "description"],
    limit: String(bucketsPerPage),
    ...(page !== null && { page }),
  };
  const end = await provider.request({ method: "get", path: reportPath, query }, { deadlineMs });
  if (end.kind === "error") throw unavailable(`The cost report was refused with ${end.status}.`);
  if (end.kind !== "answer") throw unavailable("The cost report could not be fetched.");
  const report = reportSchema.safeParse(end.body);
  if (!report.success) throw unavailable("The cost report has another form than expected.");
  return report.data;
}

/** What has no model (web searches, code execution) is told by its kind. */
function figureOf(item: z.infer<typeof itemSchema>, startingAt: string): ProviderFigure {
  return {
    day: dayText(Date.parse(startingAt)),
    model: item.model === null ? (item.cost_type ?? "") : (findModel(item.model)?.id ?? item.model),
    lane: item.service_tier === "batch" ? "batch" : "realtime",
    batchId: null,
    nano: nanoOfCents(item.amount),
    uncertainNano: 0n,
  };
}

/** Exact to the nano-dollar, which is the seventh decimal of a cent; what is finer is cut off. */
export function nanoOfCents(cents: string): bigint {
  const [whole = "0", fraction = ""] = cents.replace("-", "").split(".");
  const nano = BigInt(whole + fraction.padEnd(7, "0").slice(0, 7));
  return cents.startsWith("-") ? -nano : nano;
}

const unavailable = (detail: string): ServiceError => new ServiceError("figures_unavailable", { detail });
