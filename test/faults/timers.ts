// Time in the torture chamber. Every lease is `leaseMs`; what else is short goes by one factor; what protects from the provider's
// slowness (visibility, the hold of a void batch) is long compared with both, as it is in life, where a freeze of a few leases is
// nothing to it. A freeze lasts three leases.
//
// Settings are given to the processes as settings. What is a bound of the program and no setting is replaced in its edition.

import type { Patch } from "./edition.ts";

const leaseMs = 700;
export const freezeMs = 3 * leaseMs;
/** Within this time the simulator lists what it has accepted, whatever else it does. */
export const createVisibilityMs = 3_000;
const createTimeoutMs = 2_000;
const listingGapMs = 200;

/** Small chunks, so that a small upload has several. */
export const intakeChunkLines = 10;

/** For so long after its last look at the flags a process may start anything. */
export const permissionMs = 400;

export const timerSettings = {
  SLUICE_PROCESS_LEASE_MS: String(leaseMs),
  SLUICE_PERMISSION_MS: String(permissionMs),
  SLUICE_DISPATCH_LEASE_MS: "1500",
  SLUICE_CALL_TIMEOUT_MS: "1500",
  SLUICE_BATCH_CREATE_TIMEOUT_MS: String(createTimeoutMs),
  SLUICE_BATCH_LINGER_MS: "100",
  SLUICE_CREATE_VISIBILITY_MS: String(createVisibilityMs),
  SLUICE_LISTING_GAP_MS: String(listingGapMs),
  SLUICE_VOID_HOLD_MS: String(createVisibilityMs + listingGapMs + createTimeoutMs + 300),
  SLUICE_POLL_MIN_MS: "60",
  SLUICE_POLL_MAX_MS: "300",
  SLUICE_RETRY_BASE_MS: "20",
  SLUICE_RETRY_CAP_MS: "200",
  SLUICE_RETRY_AFTER_MAX_MS: "1000",
  SLUICE_DRAIN_TIMEOUT_MS: "2000",
  SLUICE_RAMP_MS: "500",
};

/** Bounds by file and name; milliseconds but where the name says otherwise. */
const bounds: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "src/config/limits.ts": {
    dispatcherLeaseMs: leaseMs,
    singletonLeaseMs: leaseMs,
    batchLeaseMs: leaseMs,
    sweepEveryMs: 200,
    cancelGraceMs: 1_000,
    stopLookMs: 100,
    windowSeconds: 1,
    listenerBeatMs: 250,
    listenerDeadlineMs: 800,
    databaseConnectTimeoutMs: 2_000,
    statementTimeoutMs: 4_000,
    databaseAnswerTimeoutMs: 8_000,
    // Locks of a frozen process: others wait for them no longer than for its lease.
    idleInTransactionTimeoutMs: leaseMs,
    drainRecordMs: 2_000,
    intakeChunkLinesMax: intakeChunkLines,
  },
  "src/lanes/batch/bounds.ts": {
    collectEveryMs: 100,
    budgetRetryMs: 200,
    bodyChunkLines: 4,
    ingestChunkLines: 5,
    controlDeadlineMs: 2_000,
    downloadIdleMs: 1_000,
    createRetryMs: 100,
    overdueGraceMs: 500,
  },
  // A job type's word counts before the setting.
  "jobs/classify-intent/job.ts": { callTimeoutMs: 1_500 },
  "src/lanes/batch/steps.ts": { faultRetryMs: 500 },
  "src/lanes/realtime/worker.ts": { budgetRestMs: 200 },
  "src/queue/limits.ts": {
    commandTimeoutMs: 2_000,
    lockDurationMs: leaseMs,
    stalledEveryMs: 500,
    idleWaitS: 1,
    fetchRetryMs: 300,
    reconnectMaxMs: 300,
  },
};

/** A bound as it is written: a member of a list or a constant of its own. */
const written = (name: string): RegExp =>
  new RegExp(`^(?: {2}${name}: |const ${name} = )[\\d_]+(?=[,;]$)`, "m");

export function timerPatches(readSource: (file: string) => string): Patch[] {
  return Object.entries(bounds).flatMap(([file, values]) =>
    Object.entries(values).map(([name, value]) => {
      const find = written(name).exec(readSource(file))?.[0];
      if (find === undefined) throw new Error(`${file} has no bound ${name}`);
      return { file, find, replace: find.replace(/[\d_]+$/, String(value)) };
    }),
  );
}

/** In one edition only: void batches are looked for so soon that a listing which lies is found out while money is held for it. */
export const lateListingPatch: Patch = {
  file: "src/lanes/batch/bounds.ts",
  find: "lateListingEveryMs: 15 * 60_000",
  replace: "lateListingEveryMs: 300",
};
