// An alert as it leaves: for the API and, in the envelope of Standard Webhooks, for the receiver. Names, figures and sentences of our
// own; nothing of a job but its id.
import { nextStepOf, severityOf, titleOf } from "../domain/alert.ts";
import { formatUsd } from "../domain/money.ts";
import type { Alert } from "../postgres/alerts.ts";

/** What everybody is told of an alert. `origin` is what links begin with, without a slash at its end. */
export function describeAlert(alert: Alert, origin: string | undefined) {
  return {
    id: alert.id,
    kind: alert.kind,
    severity: severityOf(alert),
    title: titleOf(alert),
    next_step: nextStepOf(alert),
    owner: alert.owner,
    scope: alert.scope,
    target: alert.targetName,
    tenant: alert.tenantName,
    queue: alert.scope === "queue" ? alert.targetName : null,
    reason: alert.reason === "" ? null : alert.reason,
    percent: alert.percent,
    budget: budgetOf(alert),
    at: alert.raisedAt.toISOString(),
    link: origin === undefined ? null : `${origin}${linkOf(alert)}`,
  };
}

/** The body of the POST. */
export const alertMessage = (alert: Alert, origin: string | undefined): string =>
  JSON.stringify({
    type: `alert.${alert.kind}`,
    timestamp: alert.raisedAt.toISOString(),
    data: describeAlert(alert, origin),
  });

function budgetOf({ budget }: Alert) {
  if (budget === null) return null;
  return {
    limit_usd: formatUsd(budget.limitNano),
    spent_usd: formatUsd(budget.spentNano),
    held_usd: formatUsd(budget.heldNano),
    window_starts_at: budget.windowStartsAt.toISOString(),
    window_ends_at: budget.windowEndsAt.toISOString(),
  };
}

/** For a person who clicks: the queue on Bull Board where there is one, else the board. */
function linkOf({ scope, tenantName, targetName }: Alert): string {
  return scope === "queue"
    ? `/admin/queues/queue/${encodeURIComponent(`${tenantName}.${targetName}`)}`
    : "/admin/queues";
}
