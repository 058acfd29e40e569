// Wires the realtime lane: the dispatcher role keeps the window filled, the worker role drains it.

import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../config/limits.ts";
import { defaultCredentialId } from "../config/provider-choice.ts";
import { createPace } from "../limiter/pace.ts";
import type { Pace } from "../limiter/pace.ts";
import { createDispatcher } from "../lanes/realtime/dispatcher.ts";
import { createRealtimeWorker } from "../lanes/realtime/worker.ts";
import { createPreparedBulks } from "../lanes/prepared-bulks.ts";
import type { Gate } from "../domain/work-scope.ts";
import type { Dispatch } from "../postgres/dispatch.ts";
import { LeaseKeeper } from "../postgres/leases.ts";
import { aliveProcesses } from "../postgres/processes.ts";
import type { Provider } from "../provider/client.ts";
import { addJobs } from "../queue/entries.ts";
import { rampOf } from "./ramp.ts";
import type { Role } from "./role.ts";
import type { Runtime } from "./runtime.ts";

/** The BullMQ queue that holds the realtime window. */
const realtimeQueueName = "realtime";
/** How many workers are alive, asked at most once a second: for the window's size and for shares of the pace. */
function createWorkerCount(runtime: Runtime): () => Promise<{ processes: number; concurrency: number }> {
  let known = { processes: 1, concurrency: 0 };
  let askedAtMs = -Infinity;
  return async () => {
    if (runtime.clock.monotonicMs() - askedAtMs < 1_000) return known;
    known = await aliveProcesses(runtime.pool, "worker");
    askedAtMs = runtime.clock.monotonicMs();
    return known;
  };
}

export async function startDispatcherRole(runtime: Runtime): Promise<Role> {
  const { pool, config, clock, log, listener, life, flags, backend, tightening } = runtime;
  const queue = await backend.createQueue(realtimeQueueName);
  const workers = createWorkerCount(runtime);
  const holder = life.id;
  const keeper = new LeaseKeeper({
    listener,
    name: "dispatcher",
    holder,
    ttlMs: limits.dispatcherLeaseMs,
    clock,
    log,
  });
  await keeper.start();
  const dispatcher = createDispatcher({
    pool,
    config,
    clock,
    log,
    gate: flags.gate,
    widthOf: rampOf(runtime),
    credentialId: defaultCredentialId,
    tightening,
    concurrency: async () => (await workers()).concurrency,
    holdLease: () => {
      const epoch = keeper.epoch();
      return Promise.resolve(epoch === undefined ? null : { holder, epoch });
    },
    enqueue: (dispatches) =>
      addJobs(
        queue,
        dispatches.map((dispatch) => entryOf(dispatch, clock.now())),
      ),
  });
  const forget = [
    listener.on("sluice_work", dispatcher.wake),
    listener.on("sluice_budget", dispatcher.budgetChanged),
    flags.onChange(dispatcher.wake),
  ];
  dispatcher.start();
  return {
    stop: async () => {
      for (const forgetOne of forget) forgetOne();
      await dispatcher.stop();
      await keeper.stop();
      return { aborted: 0 };
    },
  };
}

function entryOf({ notBefore, ...data }: Dispatch, now: Date) {
  return {
    name: data.jobType,
    id: `${data.jobId}-${data.dispatchNo}`,
    data,
    delayMs: notBefore === null ? 0 : Math.max(0, notBefore.getTime() - now.getTime()),
  };
}

/** The pace of the default credential in this process; its limits are learned from every answer. */
export async function createCredentialPace(
  runtime: Runtime,
): Promise<{ pace: Pace; refresh: () => Promise<void> }> {
  const { config, clock, log } = runtime;
  const workers = createWorkerCount(runtime);
  // Without a shared Redis exactly one process calls the provider: those that stand by have no share in the pace.
  const countSharers = async (): Promise<number> =>
    runtime.backend.kind === "redis" ? Math.max(1, (await workers()).processes) : 1;
  let sharers = await countSharers();
  const pace = createPace({
    clock,
    requestsPerMinute: config.requestsPerMinute,
    sharers: () => sharers,
    retryAfterMaxMs: config.retryAfterMaxMs,
    onChange: (change) => {
      if ("closedMs" in change) log.event("provider.rate_limited", { closedMs: change.closedMs });
      else log.event("pace.changed", { requestsPerMinute: change.requestsPerMinute });
    },
  });
  return {
    pace,
    refresh: async () => {
      sharers = await countSharers();
    },
  };
}

export interface WorkerRoleOptions {
  provider: Provider;
  pace: Pace;
  gate: Gate;
}

export async function startWorkerRole(
  runtime: Runtime,
  { provider, pace, gate }: WorkerRoleOptions,
): Promise<Role> {
  const { pool, config, clock, log, listener, life, flags, backend, jobTypes, tightening, newId } = runtime;
  const lane = createRealtimeWorker({
    pool,
    config,
    clock,
    log,
    gate,
    pace,
    provider,
    jobTypes,
    newId,
    prepared: createPreparedBulks(pool, jobTypes),
    random: Math.random,
    processId: () => life.id,
    credentialId: defaultCredentialId,
    tightening,
    // No wait of the lane may keep a drained process alive: its longest is the drain's own deadline.
    sleep: (ms) => sleep(ms, undefined, { ref: false }),
  });
  const forget = [
    listener.on("sluice_cancel", (payload) =>
      lane.abort(
        payload.startsWith("bulk:") ? { bulkId: payload.slice("bulk:".length) } : { jobId: payload },
      ),
    ),
    // In the tick in which the flags have changed, before this process acknowledges them.
    flags.onChange(() => {
      const aborted = lane.abortWork((work) => flags.aborting(work) !== undefined);
      if (aborted > 0) log.event("stop.aborted", { calls: aborted });
    }),
  ];
  const worker = await backend.createWorker<Dispatch>(
    realtimeQueueName,
    ({ entry }) => lane.process(entry.data),
    {
      concurrency: lane.entriesAtOnce,
    },
  );
  return {
    stop: async (timeoutMs) => {
      for (const forgetOne of forget) forgetOne();
      const drained = lane.drain(timeoutMs);
      await worker.close(timeoutMs);
      return drained;
    },
  };
}
