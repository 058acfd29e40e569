// The way out for alerts: each is announced once, as one line of the log at level error, and then sent until the receiver takes it or
// its tries are over.
//
// Sending is at least once, under the same id. An alert that was taken for a try is due again by itself, so a process that dies
// between sending and marking costs a repetition and never an alert. Several senders do no harm: they skip each other's rows.
// Without a webhook the log line is the whole way out. What was given up stays `failed` in the list, and the path counts as broken
// until something gets through: a test alert, for one.
import { limits } from "../config/limits.ts";
import { alertPauseMs, nextStepOf, severityOf, type AlertRetries } from "../domain/alert.ts";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../observe/log.ts";
import {
  announceAlerts,
  markAlertDelivered,
  markAlertRefused,
  takeDueAlerts,
  type Alert,
} from "../postgres/alerts.ts";
import { withTransaction, type Pool } from "../postgres/pool.ts";
import { alertMessage } from "./alert-message.ts";
import { postSigned, type WebhookTarget } from "./webhook.ts";

interface AlertSenderDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  /** A draw from [0, 1). */
  readonly random: () => number;
  /** Where alerts go; undefined: to the log only. */
  readonly webhook: WebhookTarget | undefined;
  /** What links begin with. */
  readonly publicUrl: string | undefined;
  readonly retries?: AlertRetries & { readonly triesMax: number };
}

interface AlertSender {
  readonly name: "alerts";
  readonly everyMs: number;
  /** One round: how many alerts it announced or tried. */
  runOnce(): Promise<number>;
}

export function createAlertSender(deps: AlertSenderDeps): AlertSender {
  const rowsMax = limits.alertsPerRoundMax;
  const { webhook } = deps;
  return {
    name: "alerts",
    everyMs: limits.alertEveryMs,
    async runOnce() {
      const announced = await announce(deps, rowsMax);
      if (webhook === undefined) return announced;
      // A try may take all its time, and its mark some more; after that it counts as lost.
      const due = await takeDueAlerts(deps.pool, { putOffMs: webhook.timeoutMs * 2, rowsMax });
      await Promise.all(due.map((alert) => sendOnce(deps, webhook, alert)));
      return announced + due.length;
    },
  };
}

/** The lines are written before the commit: an alert may be logged twice by a crash, and never not at all. */
function announce({ pool, log, webhook }: AlertSenderDeps, rowsMax: number): Promise<number> {
  return withTransaction(pool, async (client) => {
    const alerts = await announceAlerts(client, { hasWebhook: webhook !== undefined, rowsMax });
    for (const alert of alerts) log.event("alert.raised", fieldsOf(alert));
    return alerts.length;
  });
}

const fieldsOf = (alert: Alert) => ({
  alert: alert.id,
  kind: alert.kind,
  severity: severityOf(alert),
  scope: alert.scope,
  target: alert.targetName,
  tenant: alert.tenantName,
  percent: alert.percent ?? undefined,
  reason: alert.reason === "" ? undefined : alert.reason,
  owner: alert.owner,
  next_step: nextStepOf(alert),
});

async function sendOnce(deps: AlertSenderDeps, webhook: WebhookTarget, alert: Alert): Promise<void> {
  const { pool, clock, log, random, publicUrl } = deps;
  const retries = deps.retries ?? {
    baseMs: limits.alertRetryBaseMs,
    capMs: limits.alertRetryCapMs,
    triesMax: limits.alertTriesMax,
  };
  const origin = publicUrl?.replace(/\/+$/, "");
  const sent = await postSigned(webhook, {
    id: alert.id,
    at: clock.now(),
    body: alertMessage(alert, origin),
  });
  if (sent.ok) {
    await markAlertDelivered(pool, alert.id);
    log.event("alert.delivered", { alert: alert.id, tries: alert.tries });
    return;
  }
  const { error } = sent;
  const pauseMs = alertPauseMs(retries, alert.tries, random());
  const { triesMax } = retries;
  const { givenUp } = await markAlertRefused(pool, { id: alert.id, error, pauseMs, triesMax });
  const fields = { alert: alert.id, tries: alert.tries, why: error };
  if (givenUp) log.event("alert.given_up", fields);
  else log.event("alert.delivery_failed", { ...fields, pauseMs });
}
