// The provider's own figures of what was computed, to lay our books beside. Two ways to get them:
//
//   usage report    GET /v1/organizations/usage_report/messages with an admin key: tokens by day, model, tier, context window and
//                   region of the whole organisation or of some keys and workspaces. Minutes behind, without batches, without money: the
//                   sums are priced by our table, and where a tier cannot be told, the dearer one is said beside
//   the invoice     of the simulator, item by item, in its own money
// Neither is for deciding what may be sent: they come late.

import { createHash } from "node:crypto";
import { z } from "zod";
import { ServiceError } from "../domain/errors.ts";
import type { Lane } from "../domain/job.ts";
import { findModel } from "../domain/models.ts";
import { costRangeNanoUsd, priceAt } from "../domain/price.ts";
import type { Usage } from "../domain/price.ts";
import { dayText } from "../domain/reconcile.ts";
import type { ProviderFigure, ProviderFigures } from "../domain/reconcile.ts";
import type { Provider } from "./client.ts";

/** From and until an instant; a report of buckets begins with the one that holds the first instant. */
export interface FigureSpan {
  readonly since: Date;
  readonly until: Date;
}

export interface FigureSource {
  /** For people: where the figures are from. */
  readonly describe: string;
  /** @throws ServiceError figures_unavailable */
  read(span: FigureSpan): Promise<ProviderFigures>;
}

const reportPath = "/v1/organizations/usage_report/messages";
const pagesMax = 1_000;
const deadlineMs = 60_000;

// Nothing has a default: a count that is missing or renamed must not pass for zero.
const count = z.number().int().nonnegative();
const bucketSchema = z.object({
  starting_at: z.string(),
  results: z.array(
    z.object({
      uncached_input_tokens: count,
      cache_creation: z.object({ ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count }),
      cache_read_input_tokens: count,
      output_tokens: count,
      server_tool_use: z.object({ web_search_requests: count }).nullish(),
      model: z.string().nullable(),
      service_tier: z.string().nullable(),
      context_window: z.string().nullable(),
      inference_geo: z.string().nullish(),
    }),
  ),
});
const reportSchema = z.object({
  data: z.array(bucketSchema),
  has_more: z.boolean(),
  next_page: z.string().nullable(),
});
type Result = z.infer<typeof bucketSchema>["results"][number];

export interface ReportChoice {
  readonly apiKeyIds: readonly string[];
  readonly workspaceIds: readonly string[];
  readonly bucketWidth: "1m" | "1h" | "1d";
}

/** Reads the usage report. `provider` is a client with the admin key. */
export function createUsageReport(provider: Pick<Provider, "request">, choice: ReportChoice): FigureSource {
  return {
    describe: "usage report",
    read: async (span) => {
      const figures: ProviderFigure[] = [];
      const unpriced = new Set<string>();
      let page: string | null = null;
      for (let pages = 0; pages < pagesMax; pages += 1) {
        // oxlint-disable-next-line no-await-in-loop -- a page follows from the one before
        const report = await readReport(provider, questionOf(span, choice, page));
        const results = report.data.flatMap((bucket) =>
          bucket.results.map((result) => ({ result, at: new Date(bucket.starting_at) })),
        );
        for (const { result, at } of results) {
          const figure = figureOf(result, at);
          if (figure === null) unpriced.add(result.model ?? "");
          else figures.push(figure);
        }
        page = report.next_page;
        if (!report.has_more || page === null)
          return { figures, byBatch: false, sums: true, unpriced: [...unpriced] };
      }
      throw unavailable("The usage report has no end.");
    },
  };
}

const bucketMs = { "1m": 60_000, "1h": 3_600_000, "1d": 86_400_000 } as const;

type Query = Readonly<Record<string, string | readonly string[]>>;

function questionOf({ since, until }: FigureSpan, choice: ReportChoice, page: string | null): Query {
  // Whole buckets: what a bucket also has of the time before is counted rather than missed.
  const widthMs = bucketMs[choice.bucketWidth];
  return {
    starting_at: new Date(Math.floor(since.getTime() / widthMs) * widthMs).toISOString(),
    ending_at: until.toISOString(),
    bucket_width: choice.bucketWidth,
    group_by: ["model", "service_tier", "context_window", "inference_geo"],
    ...(choice.apiKeyIds.length > 0 && { api_key_ids: choice.apiKeyIds }),
    ...(choice.workspaceIds.length > 0 && { workspace_ids: choice.workspaceIds }),
    ...(page !== null && { page }),
  };
}

async function readReport(
  provider: Pick<Provider, "request">,
  question: Query,
): Promise<z.infer<typeof reportSchema>> {
  const end = await provider.request({ method: "get", path: reportPath, query: question }, { deadlineMs });
  if (end.kind === "error") throw unavailable(`The usage report was refused with ${end.status}.`);
  if (end.kind !== "answer") throw unavailable("The usage report could not be fetched.");
  const report = reportSchema.safeParse(end.body);
  if (!report.success) throw unavailable("The usage report has another form than expected.");
  return report.data;
}

/** Null where our table has no price. */
function figureOf(result: Result, at: Date): ProviderFigure | null {
  const model = findModel(result.model ?? "")?.id ?? "";
  const price = priceAt(model, at.getTime());
  if (price === undefined) return null;
  const lane: Lane = result.service_tier === "batch" ? "batch" : "realtime";
  const usage: Usage = {
    inputTokens: result.uncached_input_tokens,
    cacheWrite5mTokens: result.cache_creation.ephemeral_5m_input_tokens,
    cacheWrite1hTokens: result.cache_creation.ephemeral_1h_input_tokens,
    cacheReadTokens: result.cache_read_input_tokens,
    outputTokens: result.output_tokens,
    webSearches: result.server_tool_use?.web_search_requests ?? 0,
    ranInUs: result.inference_geo === "us",
  };
  const promptTokensMin = result.context_window === "200k-1M" ? 200_001 : 0;
  const { leastNano, mostNano } = costRangeNanoUsd(usage, { lane, price, promptTokensMin });
  return {
    day: dayText(at.getTime()),
    model,
    lane,
    batchId: null,
    nano: leastNano,
    uncertainNano: mostNano - leastNano,
  };
}

const itemsSchema = z.object({
  dropped: z.number(),
  next: z.number().nullable(),
  items: z.array(
    z.object({
      at: z.string(),
      lane: z.enum(["realtime", "batch"]),
      model: z.string(),
      key: z.string(),
      batch_id: z.string().nullish(),
      nano: z.string().nullable(),
    }),
  ),
});

/** Reads the simulator's invoice: the items of one key. */
export function createSimulatedInvoice(providerUrl: string, apiKey: string): FigureSource {
  const key = createHash("sha256").update(apiKey).digest("hex").slice(0, 12);
  return {
    describe: "the simulator's invoice",
    read: async ({ since, until }) => {
      const sums = new Map<string, ProviderFigure>();
      const unpriced = new Set<string>();
      for (let after: number | null = 0; after !== null;) {
        // oxlint-disable-next-line no-await-in-loop -- a page follows from the one before
        const page: z.infer<typeof itemsSchema> = await readItems(providerUrl, after);
        if (page.dropped > 0) throw unavailable("The simulator's invoice no longer has all of its items.");
        for (const item of page.items) {
          const at = new Date(item.at);
          if (item.key !== key || at < since || at >= until) continue;
          if (item.nano === null) unpriced.add(item.model);
          else addItem(sums, item, BigInt(item.nano));
        }
        after = page.next;
      }
      return { figures: [...sums.values()], byBatch: true, sums: false, unpriced: [...unpriced] };
    },
  };
}

async function readItems(providerUrl: string, after: number): Promise<z.infer<typeof itemsSchema>> {
  const answer = await fetch(new URL(`/_sim/invoice?detail=1&limit=10000&after=${after}`, providerUrl), {
    signal: AbortSignal.timeout(deadlineMs),
  }).catch(() => undefined);
  if (answer?.ok !== true) throw unavailable("The simulator's invoice could not be fetched.");
  const page = itemsSchema.safeParse(await answer.json().catch(() => undefined));
  if (!page.success) throw unavailable("The simulator's invoice has another form than expected.");
  return page.data;
}

type Item = z.infer<typeof itemsSchema>["items"][number];

function addItem(sums: Map<string, ProviderFigure>, item: Item, nano: bigint): void {
  const model = findModel(item.model)?.id ?? item.model;
  const figure = {
    day: item.at.slice(0, 10),
    model,
    lane: item.lane,
    batchId: item.batch_id ?? null,
    nano,
    uncertainNano: 0n,
  };
  const name = `${figure.day} ${model} ${item.lane} ${figure.batchId ?? ""}`;
  const known = sums.get(name);
  sums.set(name, known === undefined ? figure : { ...known, nano: known.nano + nano });
}

const unavailable = (detail: string): ServiceError => new ServiceError("figures_unavailable", { detail });
