// The right to work on one message batch, held for as long as a step takes.
//
// It is believed in by both clocks, and a safety margin shorter than its row says: the wall clock because others judge by it, the
// monotonic one because a wall clock may be set back. Time counts from before the statement that took or renewed it. Whoever was
// frozen finds his time over before he does anything.

import { limits } from "../../config/limits.ts";
import type { Clock } from "../../domain/clock.ts";
import { renewStep } from "../../postgres/message-batches.ts";
import type { Holder } from "../../postgres/message-batches.ts";
import type { BatchLaneDeps } from "./deps.ts";

export interface StepLease {
  readonly holder: Holder;
  /** Whether this process may go on, now. */
  isAlive(): boolean;
  /** Takes over a new end, granted by a statement that was sent at `askedAt`. */
  extend(askedAt: LeaseTime): void;
  /** Prolongs it from time to time until `stop`. */
  keep(): void;
  stop(): void;
}

/** An instant on both clocks, and the end of a lease asked for then. */
export interface LeaseTime {
  readonly now: Date;
  readonly until: Date;
  readonly monotonicMs: number;
}

/** The times of a lease that is about to be asked for. */
export function leaseTime(clock: Clock, leaseMs: number): LeaseTime {
  const now = clock.now();
  return { now, until: new Date(now.getTime() + leaseMs), monotonicMs: clock.monotonicMs() };
}

export function createStepLease(deps: BatchLaneDeps, holder: Holder, askedAt: LeaseTime): StepLease {
  const { clock, leaseMs, pool, log } = deps;
  const believedMs = leaseMs - Math.min(limits.leaseSafetyMs, leaseMs / limits.heartbeatsPerLease);
  let wallEndMs = 0;
  let monotonicEndMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let lost = false;

  const extend = (from: LeaseTime): void => {
    wallEndMs = from.now.getTime() + believedMs;
    monotonicEndMs = from.monotonicMs + believedMs;
  };
  const isAlive = (): boolean =>
    !lost && clock.now().getTime() < wallEndMs && clock.monotonicMs() < monotonicEndMs;
  const renew = async (): Promise<void> => {
    const asked = leaseTime(clock, leaseMs);
    try {
      if (await renewStep(pool, holder, asked.now, asked.until)) extend(asked);
      else lost = true;
    } catch {
      // The database is away: what is believed runs out by itself.
    }
    if (!isAlive()) log.event("lease.lost", { lease: "message_batch", batchId: holder.id });
  };
  extend(askedAt);
  return {
    holder,
    isAlive,
    extend,
    keep: () => {
      timer = setInterval(() => void renew(), leaseMs / limits.heartbeatsPerLease);
      timer.unref();
    },
    stop: () => clearInterval(timer),
  };
}
