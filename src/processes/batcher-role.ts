// Wires the batch lane: collector, create protocol, polls and ingest.

import { limits } from "../config/limits.ts";
import { defaultCredentialId } from "../config/provider-choice.ts";
import type { Gate } from "../domain/work-scope.ts";
import { batchLaneBounds } from "../lanes/batch/bounds.ts";
import { createBatchLane } from "../lanes/batch/lane.ts";
import { createPreparedBulks } from "../lanes/prepared-bulks.ts";
import { createProviderBatches } from "../provider/batches.ts";
import type { Provider } from "../provider/client.ts";
import { rampOf } from "./ramp.ts";
import type { Role } from "./role.ts";
import type { Runtime } from "./runtime.ts";

/** What `sluice_cancel` carries when message batches are to be canceled. */
const canceledBatches = "message-batches";

export async function startBatcherRole(
  runtime: Runtime,
  { provider, gate }: { provider: Provider; gate: Gate },
): Promise<Role> {
  const { pool, config, clock, log, listener, flags, backend, jobTypes, tightening, newId } = runtime;
  const lane = createBatchLane({
    pool,
    batches: createProviderBatches(provider, {
      controlDeadlineMs: batchLaneBounds.controlDeadlineMs,
      pageSize: batchLaneBounds.listingPageSize,
    }),
    jobTypes,
    prepared: createPreparedBulks(pool, jobTypes),
    gate,
    widthOf: rampOf(runtime),
    queueBackend: backend,
    config,
    clock,
    log,
    processId: newId(),
    credentialId: defaultCredentialId,
    random: Math.random,
    newId,
    tightening,
    leaseMs: limits.batchLeaseMs,
  });
  const forget = [
    listener.on("sluice_work", () => lane.wakeCollector()),
    listener.on("sluice_budget", () => lane.budgetChanged()),
    listener.on("sluice_cancel", (payload) => {
      if (payload === canceledBatches) void lane.wakeDue().catch(() => undefined);
    }),
    flags.onChange(() => lane.wakeCollector()),
  ];
  await lane.start();
  return {
    stop: async () => {
      for (const forgetOne of forget) forgetOne();
      await lane.stop();
      return { aborted: 0 };
    },
  };
}
