import { z } from "zod";
import { limits } from "../../config/limits.ts";
import { alertPathWorks } from "../../domain/alert.ts";
import { readAlertPath } from "../../postgres/alerts.ts";
import { migrationState } from "../../postgres/migrate.ts";
import type { Api } from "../api.ts";
import { createFigures } from "../figures.ts";
import { defineRoute, type Route } from "../route.ts";

const healthSchema = z.object({ status: z.literal("ok") }).meta({ id: "Health" });
const verdict = z.enum(["ok", "failed"]);
const readySchema = z
  .object({
    status: z.enum(["ready", "degraded", "not_ready"]),
    checks: z.object({ database: verdict, migrations: verdict, queue: verdict, alerts: verdict }),
  })
  .meta({ id: "Readiness" });

function healthRoute(): Route {
  return defineRoute({
    method: "get",
    path: "/healthz",
    name: "getHealth",
    tag: "operation",
    summary: "Whether the process is up",
    access: "open",
    answers: { 200: { about: "It is.", schema: healthSchema } },
    errors: [],
    handle: () => Promise.resolve({ status: 200, body: { status: "ok" } }),
  });
}

function readyRoute(api: Api): Route {
  return defineRoute({
    method: "get",
    path: "/readyz",
    name: "getReadiness",
    tag: "operation",
    summary:
      "Whether the process can take work: database, its migrations, queue backend; and whether alerts leave",
    about:
      "A broken alert path is shown as degraded and keeps the status 200: work is safe to take, and a receiver that is away must not " +
      "take the API out of its load balancer. Watch for the word, or for sluice_alert_path_broken in /metrics.",
    access: "open",
    answers: {
      200: { about: "It can; degraded says that alerts do not leave.", schema: readySchema },
      503: { about: "It cannot now.", schema: readySchema },
    },
    errors: [],
    async handle() {
      const [pending, queue, alerts] = await Promise.all([
        inTime(migrationState(api.pool).then((state) => state.pending.length)),
        inTime(api.queueReady().then(() => 0)),
        inTime(alertsLeave(api)),
      ]);
      const checks = {
        database: pending === null ? "failed" : "ok",
        migrations: pending === 0 ? "ok" : "failed",
        queue: queue === null ? "failed" : "ok",
      };
      const takesWork = Object.values(checks).every((check) => check === "ok");
      const status = takesWork ? (alerts === true ? "ready" : "degraded") : "not_ready";
      const body = { status, checks: { ...checks, alerts: alerts === true ? "ok" : "failed" } };
      return { status: takesWork ? 200 : 503, body };
    },
  });
}

/** Without a webhook there is no path that could be broken: the log line is all there is. */
async function alertsLeave({ config, pool, clock }: Api): Promise<boolean> {
  if (config.alertWebhookUrl === undefined) return true;
  return alertPathWorks(await readAlertPath(pool), clock.now(), {
    failuresMax: limits.alertFailuresShownMin,
    waitMaxMs: limits.alertWaitShownMs,
  });
}

/** The answer, or null if there is none in time: what is asked must not hang with what it asks about. */
async function inTime<T>(work: Promise<T>): Promise<T | null> {
  const late = new Promise<null>((resolve) => {
    setTimeout(() => resolve(null), limits.readyCheckTimeoutMs).unref();
  });
  return Promise.race([work.catch(() => null), late]);
}

function metricsRoute(api: Api): Route {
  const scrape = createFigures(api);
  return defineRoute({
    method: "get",
    path: "/metrics",
    name: "getMetrics",
    tag: "operation",
    summary: "Figures for Prometheus",
    about: "They cover the work of all tenants, so they need a key of the installation.",
    access: { scope: "read", installation: true },
    answers: { 200: { about: "Prometheus text format.", schema: z.string(), mediaType: "text/plain" } },
    errors: [],
    async handle() {
      const { text, contentType } = await scrape();
      return { status: 200, body: text, headers: { "Content-Type": contentType } };
    },
  });
}

export const operationRoutes = (api: Api): Route[] => [healthRoute(), readyRoute(api), metricsRoute(api)];
