/**
 * `GET /v1/organizations/usage_report/messages`: tokens in buckets of a minute, an hour or a day, grouped as asked, for admin
 * keys (`sk-ant-admin…`). Fed with every billed item; it knows tokens, no money, as the real one does.
 */
import { ApiError, invalidRequest } from "./api-error.ts";
import { keyOf } from "./auth.ts";
import type { ChargeContext } from "./billed-items.ts";
import { replyWithFaults } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { Usage } from "./price.ts";

const minuteMs = 60_000;
const widths: Readonly<Record<string, { ms: number; standard: number; most: number }>> = {
  "1m": { ms: minuteMs, standard: 60, most: 1_440 },
  "1h": { ms: 60 * minuteMs, standard: 24, most: 168 },
  "1d": { ms: 1_440 * minuteMs, standard: 7, most: 31 },
};

const dimensions = [
  "api_key_id",
  "workspace_id",
  "model",
  "service_tier",
  "context_window",
  "inference_geo",
] as const;
type Dimension = (typeof dimensions)[number];
type Keys = Readonly<Record<Dimension, string>>;

interface Cell {
  readonly minute: number;
  readonly keys: Keys;
  readonly sum: Record<keyof Usage, number>;
}

/** Every (minute, key, workspace, model, tier, window, region) that was billed for; a run of hours has a few thousand. */
const cellsMax = 200_000;
const wideContextTokens = 200_000;

export class UsageReport {
  readonly #cells = new Map<string, Cell>();

  add(context: ChargeContext, usage: Usage, atMs: number): void {
    const minute = Math.floor(atMs / minuteMs);
    const prompt = usage.inputTokens + usage.write5mTokens + usage.write1hTokens + usage.readTokens;
    const keys: Keys = {
      api_key_id: `apikey_${context.keyHash}`,
      workspace_id: context.workspace,
      model: context.model,
      service_tier: context.lane === "batch" ? "batch" : "standard",
      context_window: prompt > wideContextTokens ? "200k-1M" : "0-200k",
      inference_geo: context.geo ?? "not_available",
    };
    const name = `${minute} ${Object.values(keys).join(" ")}`;
    const known = this.#cells.get(name);
    if (known !== undefined) addTo(known.sum, usage);
    else {
      if (this.#cells.size >= cellsMax) this.#cells.delete(this.#cells.keys().next().value ?? "");
      this.#cells.set(name, { minute, keys, sum: { ...usage } });
    }
  }

  /** Results of one bucket, one for each combination of what is grouped by. */
  bucket(fromMs: number, untilMs: number, asked: Asked): Record<string, unknown>[] {
    const groups = new Map<string, { keys: Keys; sum: Cell["sum"] }>();
    for (const { minute, keys, sum } of this.#cells.values()) {
      const atMs = minute * minuteMs;
      if (atMs < fromMs || atMs >= untilMs || !wanted(keys, asked)) continue;
      const name = asked.groupBy.map((dimension) => keys[dimension]).join(" ");
      const known = groups.get(name);
      if (known === undefined) groups.set(name, { keys, sum: { ...sum } });
      else addTo(known.sum, sum);
    }
    return [...groups.values()].map(({ keys, sum }) => resultOf(keys, sum, asked.groupBy));
  }
}

interface Asked {
  readonly groupBy: readonly Dimension[];
  readonly only: Readonly<Partial<Record<Dimension, readonly string[]>>>;
}

const wanted = (keys: Keys, { only }: Asked): boolean =>
  dimensions.every((dimension) => only[dimension]?.includes(keys[dimension]) !== false);

const addTo = (sum: Cell["sum"], usage: Usage): void => {
  sum.inputTokens += usage.inputTokens;
  sum.write5mTokens += usage.write5mTokens;
  sum.write1hTokens += usage.write1hTokens;
  sum.readTokens += usage.readTokens;
  sum.outputTokens += usage.outputTokens;
  sum.webSearches += usage.webSearches;
};

const resultOf = (keys: Keys, sum: Cell["sum"], groupBy: readonly Dimension[]): Record<string, unknown> => ({
  uncached_input_tokens: sum.inputTokens,
  cache_creation: {
    ephemeral_5m_input_tokens: sum.write5mTokens,
    ephemeral_1h_input_tokens: sum.write1hTokens,
  },
  cache_read_input_tokens: sum.readTokens,
  output_tokens: sum.outputTokens,
  server_tool_use: { web_search_requests: sum.webSearches },
  ...Object.fromEntries(
    dimensions.map((dimension) => [dimension, groupBy.includes(dimension) ? keys[dimension] : null]),
  ),
});

/** Answers the report, some buckets a page. */
export const usageReport = async (exchange: Exchange): Promise<void> => {
  if (!keyOf(exchange.request).startsWith("sk-ant-admin"))
    throw new ApiError({ status: 401, type: "authentication_error", message: "invalid x-api-key" });
  const { query, world } = exchange;
  const { width, limit, firstMs, endMs } = spanOf(query, world.clock.now());
  const asked = { groupBy: groupsOf(query), only: filtersOf(query) };
  const data: Record<string, unknown>[] = [];
  let atMs = firstMs;
  for (; atMs < endMs && data.length < limit; atMs += width.ms)
    data.push({
      starting_at: new Date(atMs).toISOString(),
      ending_at: new Date(atMs + width.ms).toISOString(),
      results: world.invoice.report.bucket(atMs, atMs + width.ms, asked),
    });
  const more = atMs < endMs;
  await Promise.resolve();
  replyWithFaults(
    exchange,
    {
      data,
      has_more: more,
      next_page: more ? `page_${Buffer.from(String(atMs)).toString("base64url")}` : null,
    },
    null,
  );
};

interface Span {
  readonly width: { readonly ms: number };
  readonly limit: number;
  readonly firstMs: number;
  readonly endMs: number;
}

const spanOf = (query: URLSearchParams, nowMs: number): Span => {
  const width = widths[query.get("bucket_width") ?? "1d"];
  if (width === undefined) throw invalidRequest("bucket_width: Input should be '1m', '1h' or '1d'");
  const limit = Number(query.get("limit") ?? width.standard);
  if (!Number.isInteger(limit) || limit < 1 || limit > width.most)
    throw invalidRequest(`limit: Input should be between 1 and ${width.most}`);
  const startMs = instantOf(query, "starting_at");
  if (startMs === null) throw invalidRequest("starting_at: Field required");
  const firstMs = pageStart(query) ?? Math.floor(startMs / width.ms) * width.ms;
  return { width, limit, firstMs, endMs: instantOf(query, "ending_at") ?? nowMs };
};

const instantOf = (query: URLSearchParams, name: string): number | null => {
  const text = query.get(name);
  if (text === null) return null;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw invalidRequest(`${name}: Input should be a valid datetime`);
  return ms;
};

const pageStart = (query: URLSearchParams): number | null => {
  const page = query.get("page");
  if (page === null) return null;
  const ms = Number(Buffer.from(page.replace(/^page_/, ""), "base64url").toString());
  if (!Number.isInteger(ms)) throw invalidRequest("page: Invalid page token");
  return ms;
};

const groupsOf = (query: URLSearchParams): Dimension[] =>
  query.getAll("group_by[]").map((name) => {
    const dimension = dimensions.find((each) => each === name);
    if (dimension === undefined)
      throw invalidRequest(`group_by: Input should be one of ${dimensions.join(", ")}`);
    return dimension;
  });

const filtersOf = (query: URLSearchParams): Asked["only"] => {
  const given = (name: string): readonly string[] | undefined =>
    query.has(`${name}[]`) ? query.getAll(`${name}[]`) : undefined;
  const filters: [Dimension, readonly string[] | undefined][] = [
    ["api_key_id", given("api_key_ids")],
    ["workspace_id", given("workspace_ids")],
    ["model", given("models")],
    ["service_tier", given("service_tiers")],
    ["context_window", given("context_window")],
    ["inference_geo", given("inference_geos")],
  ];
  return Object.fromEntries(filters.filter(([, values]) => values !== undefined));
};
