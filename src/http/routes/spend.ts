import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { ServiceError } from "../../domain/errors.ts";
import { installationTenantId } from "../../domain/ids.ts";
import { formatUsd } from "../../domain/money.ts";
import { readSpend, spendDimensions } from "../../postgres/spend.ts";
import type { Api } from "../api.ts";
import { percent } from "../present.ts";
import { defineRoute, type Route } from "../route.ts";
import { usdSchema } from "../schemas.ts";

/** A day, or an instant. */
const moment = z
  .string()
  .max(40)
  .transform((text) => (/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text.toUpperCase()))
  .pipe(z.iso.datetime({ offset: true, error: "must be a day (2027-01-31) or an RFC 3339 time" }))
  .transform((text) => new Date(text))
  .refine((at) => at.getUTCFullYear() >= 2000 && at.getUTCFullYear() <= 9998, {
    error: "must be between the years 2000 and 9998",
  });

const money = {
  attempts: z.int(),
  jobs: z.int(),
  cost_usd: usdSchema,
  realtime_only_usd: usdSchema,
  saved_pct: z.number(),
  overrun_usd: usdSchema,
};
const spendSchema = z
  .object({
    by: z.enum(spendDimensions),
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    total_usd: usdSchema,
    rows: z.array(z.object({ name: z.string(), ...money })),
    truncated: z.boolean().meta({ description: "There are more rows; the most expensive are shown." }),
  })
  .meta({ id: "Spend" });

const spanDefaultMs = 31 * 86_400_000;

export function spendRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/spend",
    name: "getSpend",
    tag: "money",
    summary: "What was spent, by one dimension, from the ledger",
    about:
      "from is included, to is not; without them the last 31 days. Days are UTC days. A job with several labels counts under each " +
      "of them, so rows by label may add up to more than the total of the other reports. An installation key that acts for no " +
      "tenant sees all tenants.",
    access: { scope: "read" },
    query: z.strictObject({
      by: z.enum(spendDimensions).default("day"),
      from: moment.optional(),
      to: moment.optional(),
    }),
    answers: { 200: { about: "The most expensive first.", schema: spendSchema } },
    errors: [],
    async handle({ query, caller }) {
      const until = query.to ?? api.clock.now();
      const since = query.from ?? new Date(until.getTime() - spanDefaultMs);
      if (since >= until)
        throw new ServiceError("invalid_query", {
          fields: [{ field: "?from", reason: "must be before to" }],
        });
      const everybody = caller.installation && caller.tenantId === installationTenantId;
      const rows = await readSpend(api.pool, {
        tenantId: everybody ? null : caller.tenantId,
        since,
        until,
        by: query.by,
        rowsMax: limits.spendRowsMax,
      });
      const total = rows.reduce((sum, row) => sum + row.amount_nano, 0n);
      return {
        status: 200,
        body: {
          by: query.by,
          from: since.toISOString(),
          to: until.toISOString(),
          total_usd: formatUsd(total),
          rows: rows.map((row) => ({
            name: row.name,
            attempts: Number(row.attempts),
            jobs: Number(row.jobs),
            cost_usd: formatUsd(row.amount_nano),
            realtime_only_usd: formatUsd(row.realtime_nano),
            saved_pct: percent(row.realtime_nano - row.amount_nano, row.realtime_nano),
            overrun_usd: formatUsd(row.overrun_nano),
          })),
          truncated: rows.length === limits.spendRowsMax,
        },
      };
    },
  });
}
