// Every option BullMQ is given, spelled out: a library's default is somebody else's decision.
import { queueLimits } from "./limits.ts";

/** Of each entry. Retries are ours: a retry is a new dispatch with a new id, so an entry is tried once. */
export const entryDefaults = {
  attempts: 1,
  delay: 0,
  lifo: false,
  removeOnComplete: { count: queueLimits.finishedKept },
  removeOnFail: { count: queueLimits.finishedKept },
  stackTraceLimit: queueLimits.stackLinesKept,
  keepLogs: queueLimits.entryLogsKept,
} as const;

export const queueSettings = {
  streams: { events: { maxLen: queueLimits.eventsKept } },
  skipVersionCheck: false,
  skipMetasUpdate: false,
} as const;

/**
 * Of each worker. No `limiter` (BullMQ's counts starts only; ours paces by requests and tokens) and no `maxStartedAttempts`
 * (the database counts). On PostgreSQL a NOTIFY wakes a worker; `drainDelay` is how long it waits when one is lost.
 */
export const workerSettings = {
  // Started by us once it has its connections: one that never gets them would be fetching for ever.
  autorun: false,
  lockDuration: queueLimits.lockDurationMs,
  lockRenewTime: queueLimits.lockDurationMs / 2,
  stalledInterval: queueLimits.stalledEveryMs,
  maxStalledCount: queueLimits.stalledMax,
  drainDelay: queueLimits.idleWaitS,
  maximumRateLimitDelay: queueLimits.rateLimitSleepMaxMs,
  runRetryDelay: queueLimits.fetchRetryMs,
  skipStalledCheck: false,
  skipLockRenewal: false,
  removeOnComplete: { count: queueLimits.finishedKept },
  removeOnFail: { count: queueLimits.finishedKept },
} as const;

export const listenerSettings = { autorun: false, blockingTimeout: queueLimits.idleWaitS * 1_000 } as const;
