/**
 * `GET /v1/organizations/cost_report`: dollars by UTC day, grouped as asked, for admin keys (`sk-ant-admin…`), from the same charges as
 * the invoice. Amounts are decimal strings in cents, as the real one has them.
 */
import { ApiError, invalidRequest } from "./api-error.ts";
import { keyOf } from "./auth.ts";
import type { ChargeContext } from "./billed-items.ts";
import { meetRequestFaults, replyWithFaults } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";

const dayMs = 86_400_000;
const bucketsStandard = 7;
const bucketsMost = 31;
const groups = ["workspace_id", "description"] as const;

interface Cell {
  readonly day: number;
  readonly workspace: string;
  readonly model: string;
  readonly tier: string;
  nano: bigint;
}

export class CostReport {
  readonly #cells = new Map<string, Cell>();

  add(context: ChargeContext, nano: bigint, atMs: number): void {
    const day = Math.floor(atMs / dayMs);
    const { workspace, model } = context;
    const tier = context.lane === "batch" ? "batch" : "standard";
    const name = `${day} ${workspace} ${model} ${tier}`;
    const known = this.#cells.get(name);
    if (known === undefined) this.#cells.set(name, { day, workspace, model, tier, nano });
    else known.nano += nano;
  }

  bucket(day: number, groupBy: readonly string[]): Record<string, unknown>[] {
    const sums = new Map<string, { cell: Cell; nano: bigint }>();
    const described = groupBy.includes("description");
    for (const cell of this.#cells.values()) {
      if (cell.day !== day) continue;
      const workspace = groupBy.includes("workspace_id") ? cell.workspace : "";
      const name = `${workspace} ${described ? `${cell.model} ${cell.tier}` : ""}`;
      const known = sums.get(name);
      if (known === undefined) sums.set(name, { cell, nano: cell.nano });
      else known.nano += cell.nano;
    }
    return [...sums.values()].map(({ cell, nano }) => ({
      currency: "USD",
      amount: centsOf(nano),
      workspace_id: groupBy.includes("workspace_id") ? cell.workspace : null,
      description: described ? `${cell.model} usage, ${cell.tier}` : null,
      cost_type: described ? "tokens" : null,
      context_window: null,
      model: described ? cell.model : null,
      service_tier: described ? cell.tier : null,
      token_type: null,
      inference_geo: null,
    }));
  }
}

const centsOf = (nano: bigint): string =>
  `${nano / 10_000_000n}.${(nano % 10_000_000n).toString().padStart(7, "0")}`;

/** Answers the report, some days a page. */
export const costReport = async (exchange: Exchange): Promise<void> => {
  if (!keyOf(exchange.request).startsWith("sk-ant-admin"))
    throw new ApiError({ status: 401, type: "authentication_error", message: "invalid x-api-key" });
  await meetRequestFaults(exchange);
  const { query, world } = exchange;
  const { limit, groupBy, startMs, endMs, page } = askedOf(query, world.clock.now());
  const data: Record<string, unknown>[] = [];
  let day = page === null ? Math.floor(startMs / dayMs) : Number(page.replace(/^page_/, ""));
  for (; day * dayMs < endMs && data.length < limit; day += 1)
    data.push({
      starting_at: new Date(day * dayMs).toISOString(),
      ending_at: new Date((day + 1) * dayMs).toISOString(),
      results: world.invoice.costs.bucket(day, groupBy),
    });
  const more = day * dayMs < endMs;
  replyWithFaults(exchange, { data, has_more: more, next_page: more ? `page_${day}` : null }, null);
};

interface Asked {
  readonly limit: number;
  readonly groupBy: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
  readonly page: string | null;
}

const askedOf = (query: URLSearchParams, nowMs: number): Asked => {
  const limit = Number(query.get("limit") ?? bucketsStandard);
  if (!Number.isInteger(limit) || limit < 1 || limit > bucketsMost)
    throw invalidRequest(`limit: Input should be between 1 and ${bucketsMost}`);
  if ((query.get("bucket_width") ?? "1d") !== "1d")
    throw invalidRequest("bucket_width: Input should be '1d'");
  const groupBy = query.getAll("group_by[]");
  if (groupBy.some((name) => !groups.some((each) => each === name)))
    throw invalidRequest(`group_by: Input should be one of ${groups.join(", ")}`);
  const page = query.get("page");
  const startMs = Date.parse(query.get("starting_at") ?? "");
  if (Number.isNaN(startMs)) throw invalidRequest("starting_at: Field required");
  const endMs = query.has("ending_at") ? Date.parse(query.get("ending_at") ?? "") : nowMs;
  return { limit, groupBy, startMs, endMs, page };
};
