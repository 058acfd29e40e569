// What runs beside the dispatcher in one process at a time: the sweeps that mend what others left, the breaker, the sender of alerts,
// and the follower that keeps bulks and pauses visible in the queue backend. They hold leases, so any number of processes may stand by.
// Stops are followed by every such process, because none of them may wait for a lease.

import type { Config } from "../config/config.ts";
import type { JobTypes } from "../config/job-types.ts";
import { limits } from "../config/limits.ts";
import { Follower } from "../control/follower.ts";
import { StopKeeper } from "../control/stop-keeper.ts";
import { createAlertSender } from "../delivery/alert-sender.ts";
import type { WebhookTarget } from "../delivery/webhook.ts";
import type { BreakerRules } from "../domain/breaker.ts";
import { createCountOff } from "../upkeep/count-off.ts";
import { createRightSizing } from "../upkeep/right-sizing.ts";
import { createUpkeep } from "../upkeep/upkeep.ts";
import type { Role } from "./role.ts";
import type { Runtime } from "./runtime.ts";

export async function startUpkeepRole(runtime: Runtime): Promise<Role> {
  const { pool, listener, life, flags, backend, jobTypes, clock, log, config, newId } = runtime;
  const { publicUrl } = config;
  const sender = createAlertSender({
    pool,
    clock,
    log,
    random: Math.random,
    webhook: webhookOf(config),
    publicUrl,
  });
  const upkeep = createUpkeep({
    pool,
    listener,
    holder: life.id,
    clock,
    log,
    newId,
    breaker: breakerRules(config),
    further: [
      sender,
      createCountOff({ pool, log }),
      createRightSizing({ pool, log, types: sizedTypes(jobTypes) }),
    ],
  });
  const follower = new Follower({ database: pool, backend, listener, flags, holder: life.id, clock, log });
  const forget = listener.on("sluice_alert", (payload) =>
    upkeep.wake(payload === "overrun" ? "overrun" : "alerts"),
  );
  const stops = new StopKeeper({ database: pool, flags, jobTypes, log });
  stops.start();
  await upkeep.start();
  await follower.start();
  return {
    stop: async () => {
      forget();
      await Promise.all([stops.stop(), upkeep.stop(), follower.stop()]);
      return { aborted: 0 };
    },
  };
}

const sizedTypes = (jobTypes: JobTypes) =>
  [...jobTypes.values()].flatMap(({ name, maxTokens, rightSize }) =>
    rightSize && maxTokens !== null ? [{ name, maxTokens }] : [],
  );

function webhookOf({ alertWebhookUrl: url, alertWebhookSecret: secret }: Config): WebhookTarget | undefined {
  if (url === undefined || secret === undefined) return undefined;
  return { url, secret, timeoutMs: limits.alertTimeoutMs };
}

const breakerRules = (config: Config): BreakerRules => ({
  factor: config.breakerFactor,
  floorNano: config.breakerFloorUsd,
  hourlyNano: config.breakerHourlyUsd ?? null,
  failurePct: config.breakerFailurePct,
  retryPct: config.breakerRetryPct,
  attemptsMin: config.breakerAttemptsMin,
  historyHoursMin: limits.breakerHistoryHoursMin,
});
