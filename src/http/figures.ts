// What /metrics shows: sums over everything, read from the database when it is scraped, at most every few seconds. No figure
// carries a tenant, a queue or an id: whoever watches the machine need not know whose work it is.
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { alertPathWorks } from "../domain/alert.ts";
import { finalStates } from "../domain/job.ts";
import { formatUsd } from "../domain/money.ts";
import { type AlertPathState, readAlertPath } from "../postgres/alerts.ts";
import { type Figures, readFigures } from "../postgres/metrics.ts";
import type { Pool } from "../postgres/pool.ts";

interface FiguresDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  /** The process's own registry. */
  readonly metrics: Registry;
}

export interface Scraped {
  readonly text: string;
  readonly contentType: string;
}

/** A function that answers a scrape. */
export function createFigures(deps: FiguresDeps): () => Promise<Scraped> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauges = createGauges(registry);
  let readAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    const nowMs = deps.clock.monotonicMs();
    if (nowMs - readAtMs >= limits.metricsCacheMs) {
      const figures = await readFigures(deps.pool, {
        entriesMax: limits.metricsEntriesMax,
        bulksMax: limits.metricsBulksMax,
      });
      const now = deps.clock.now();
      show(gauges, figures, now);
      showAlerts(gauges, await readAlertPath(deps.pool), now);
      readAtMs = nowMs;
    }
    const whole = Registry.merge([registry, deps.metrics]);
    return { text: await whole.metrics(), contentType: whole.contentType };
  };
}

type Gauges = ReturnType<typeof createGauges>;

function createGauges(register: Registry) {
  const registers = [register];
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  return {
    finished: gauge("sluice_jobs_finished", "Jobs that have their outcome.", ["lane", "outcome"]),
    backlog: gauge("sluice_jobs_open", "Jobs without an outcome.", ["lane", "state"]),
    latency: gauge("sluice_call_seconds", "What the provider took for the attempts booked last.", [
      "lane",
      "quantile",
    ]),
    spent: gauge("sluice_spent_usd", "Booked cost of all jobs.", ["lane"]),
    presumed: gauge("sluice_presumed_usd", "The part of it that is booked at worst case.", ["lane"]),
    held: gauge("sluice_held_usd", "Money in open holds."),
    rateLimited: gauge("sluice_rate_limited_answers", "Attempts that the provider answered with 429."),
    oldest: gauge(
      "sluice_oldest_waiting_seconds",
      "How long the oldest waiting job has waited; 0 if none does.",
    ),
    alerts: gauge("sluice_alerts_undelivered", "Alerts that have not left: on their way, or given up.", [
      "state",
    ]),
    alertPath: gauge("sluice_alert_path_broken", "1 while alerts do not leave, as /readyz has it."),
  };
}

function show(gauges: Gauges, { jobs, latency, gauges: now }: Figures, at: Date): void {
  for (const gauge of [gauges.finished, gauges.backlog, gauges.latency, gauges.spent, gauges.presumed])
    gauge.reset();
  for (const row of jobs) {
    const { lane } = row;
    const { state } = row;
    const isOutcome = finalStates.some((outcome) => outcome === state);
    if (isOutcome) gauges.finished.set({ lane, outcome: state }, Number(row.jobs));
    else gauges.backlog.set({ lane, state }, Number(row.jobs));
    gauges.spent.inc({ lane }, dollars(row.cost_nano));
    gauges.presumed.inc({ lane }, dollars(row.presumed_nano));
  }
  for (const { lane, p50_s, p95_s } of latency) {
    if (p50_s !== null) gauges.latency.set({ lane, quantile: "0.5" }, p50_s);
    if (p95_s !== null) gauges.latency.set({ lane, quantile: "0.95" }, p95_s);
  }
  gauges.held.set(dollars(now.held_nano));
  gauges.rateLimited.set(Number(now.rate_limited));
  const since = now.waiting_since;
  gauges.oldest.set(since === null ? 0 : Math.max(0, (at.getTime() - since.getTime()) / 1_000));
}

function showAlerts(gauges: Gauges, path: AlertPathState, at: Date): void {
  gauges.alerts.set({ state: "pending" }, path.pending);
  gauges.alerts.set({ state: "failed" }, path.failed);
  const works = alertPathWorks(path, at, {
    failuresMax: limits.alertFailuresShownMin,
    waitMaxMs: limits.alertWaitShownMs,
  });
  gauges.alertPath.set(works ? 0 : 1);
}

/** Prometheus counts in floating point; nothing is decided by these. */
const dollars = (nano: bigint): number => Number(formatUsd(nano));
