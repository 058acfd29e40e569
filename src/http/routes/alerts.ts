import { z } from "zod";
import { describeAlert } from "../../delivery/alert-message.ts";
import { alertKinds, alertScopes, alertStates, severities } from "../../domain/alert.ts";
import { ServiceError } from "../../domain/errors.ts";
import { installationTenantId } from "../../domain/ids.ts";
import { findAlert, listAlerts, raiseAlert, type Alert } from "../../postgres/alerts.ts";
import type { Api } from "../api.ts";
import type { Caller } from "../caller.ts";
import { iso } from "../present.ts";
import { defineRoute, type Route } from "../route.ts";
import { idParams, idSchema, pageOf, pageQuery, usdSchema } from "../schemas.ts";

const alertSchema = z
  .object({
    id: idSchema,
    kind: z.enum(alertKinds),
    severity: z.enum(severities),
    title: z.string(),
    next_step: z.string().meta({ description: "What its owner can do." }),
    owner: z.string(),
    scope: z.enum(alertScopes),
    target: z.string().meta({ description: "Name of what it is about; an id where it has none." }),
    tenant: z.string(),
    queue: z.string().nullable(),
    reason: z.string().nullable(),
    percent: z.int().nullable().meta({ description: "The share of the limit that was reached." }),
    budget: z
      .object({
        limit_usd: usdSchema,
        spent_usd: usdSchema,
        held_usd: usdSchema,
        window_starts_at: z.iso.datetime(),
        window_ends_at: z.iso.datetime(),
      })
      .nullable()
      .meta({ description: "As it was when the alert was raised." }),
    at: z.iso.datetime(),
    link: z.url().nullable(),
    state: z.enum(alertStates).meta({
      description:
        "pending: on its way. failed: given up. logged: no webhook was configured, the log line is all that left.",
    }),
    tries: z.int(),
    last_error: z.string().nullable(),
    delivered_at: z.iso.datetime().nullable(),
  })
  .meta({ id: "Alert" });

function listRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/alerts",
    name: "listAlerts",
    tag: "money",
    summary: "List alerts, the newest first",
    about: "An installation key that acts for no tenant sees those of all.",
    access: { scope: "read" },
    query: z.strictObject({
      ...pageQuery,
      after: idSchema.optional(),
      state: z.enum(alertStates).optional(),
      kind: z.enum(alertKinds).optional(),
    }),
    answers: { 200: { about: "A page.", schema: pageOf("alerts", alertSchema) } },
    errors: [],
    async handle({ query, caller, origin }) {
      const alerts = await listAlerts(api.pool, {
        tenantId: wallOf(caller),
        state: query.state ?? null,
        kind: query.kind ?? null,
        after: query.after ?? null,
        rowsMax: query.limit,
      });
      const next = alerts.length === query.limit ? (alerts.at(-1)?.id ?? null) : null;
      return { status: 200, body: { alerts: alerts.map((alert) => present(alert, origin)), next } };
    },
  });
}

function getRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/v1/alerts/{id}",
    name: "getAlert",
    tag: "money",
    summary: "Read one alert, and how far it has got",
    access: { scope: "read" },
    params: idParams,
    answers: { 200: { about: "The alert.", schema: alertSchema } },
    errors: ["not_found"],
    async handle({ params, caller, origin }) {
      const alert = await findAlert(api.pool, params.id, wallOf(caller));
      if (alert === undefined) throw new ServiceError("not_found");
      return { status: 200, body: present(alert, origin) };
    },
  });
}

function testRoute(api: Api): Route {
  return defineRoute({
    method: "post",
    path: "/v1/alerts/test",
    name: "testAlerts",
    tag: "money",
    summary: "Send a test alert the whole way",
    about: "It is raised, logged, signed and sent like any other; read it to see whether it was taken.",
    access: { scope: "operate", installation: true },
    answers: { 202: { about: "It is on its way.", schema: alertSchema } },
    errors: [],
    async handle({ caller, origin }) {
      const id = await raiseAlert(api.pool, {
        dedupeKey: `test:${api.newId()}`,
        kind: "test",
        tenantId: installationTenantId,
        scope: "global",
        target: "",
        reason: `asked for by ${caller.actor}`,
      });
      const alert = await findAlert(api.pool, id ?? "", null);
      if (alert === undefined) throw new ServiceError("internal");
      return { status: 202, body: present(alert, origin) };
    },
  });
}

/** Whose alerts the caller may see; null: everybody's. */
const wallOf = ({ installation, tenantId }: Caller): string | null =>
  installation && tenantId === installationTenantId ? null : tenantId;

const present = (alert: Alert, origin: string) => ({
  ...describeAlert(alert, origin),
  state: alert.state,
  tries: alert.tries,
  last_error: alert.lastError,
  delivered_at: iso(alert.deliveredAt),
});

export const alertRoutes = (api: Api): Route[] => [listRoute(api), getRoute(api), testRoute(api)];
