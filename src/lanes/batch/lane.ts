// The batch lane of one process: a collector that forms message batches, a queue that wakes them, and a sweep for everything that
// was not woken. Any number of processes may run it; rows, leases and an advisory lock keep them out of each other's way.
//
// Stopping: no new batch is formed and no wake-up taken. A create under way is waited for as long as the drain allows and never
// aborted, since aborting it would only put it in doubt; a download is given up and begun again elsewhere.

import { limits } from "../../config/limits.ts";
import { errorFields } from "../../observe/error-fields.ts";
import { releaseVoidHolds } from "../../postgres/message-batch-doubt.ts";
import { takeOverdue } from "../../postgres/message-batches.ts";
import type { Wake } from "../../postgres/message-batches.ts";
import { batchLaneBounds } from "./bounds.ts";
import { createCollector } from "./collect.ts";
import type { Collector } from "./collect.ts";
import type { BatchLaneDeps } from "./deps.ts";
import { reportForeign } from "./foreign.ts";
import { findLateBatches } from "./resolve.ts";
import { runStep } from "./steps.ts";
import type { StepReport } from "./steps.ts";
import { createWakeQueue } from "./wake-queue.ts";

export interface BatchLane {
  readonly collector: Collector;
  /** Runs the step that is due for a batch, in this process. */
  runStep(batchId: string): Promise<StepReport>;
  /** Wakes what is overdue; answers how many. */
  sweepOnce(): Promise<number>;
  /** Wakes what is due now, a cancellation that was asked for above all; answers how many. */
  wakeDue(): Promise<number>;
  /** Releases the money of void batches whose time is over; answers how many holds. */
  releaseVoidHolds(): Promise<number>;
  /** Looks for void batches that the provider has after all; answers how many. */
  findLateBatches(): Promise<number>;
  start(): Promise<void>;
  /** There is new work: look at once. */
  wakeCollector(): void;
  /** A budget was raised or a window changed: look at once, and at everything. */
  budgetChanged(): void;
  stop(): Promise<void>;
}

export function createBatchLane(deps: BatchLaneDeps): BatchLane {
  const collector = createCollector(deps);
  const wakes = createWakeQueue(deps);
  const stopping = new AbortController();

  const collect = async (): Promise<number> => {
    const { batchIds, dueAt } = await collector.runOnce();
    await wakes.add(batchIds.map((id) => ({ wake: { id, state: "intent", wakeNo: 1 }, inMs: 0 })));
    if (batchIds.length > 0) return 0;
    const lingerMs = dueAt === null ? Infinity : dueAt.getTime() - deps.clock.now().getTime();
    return Math.max(0, Math.min(batchLaneBounds.collectEveryMs, lingerMs));
  };
  const wakeOverdue = async (graceMs: number): Promise<number> => {
    const now = deps.clock.now();
    const overdueAt = new Date(now.getTime() - graceMs);
    const overdue = await takeOverdue(deps.pool, overdueAt, now, batchLaneBounds.overdueRowsMax);
    await wakeAll(overdue);
    return overdue.length;
  };
  const sweepOnce = (): Promise<number> => wakeOverdue(batchLaneBounds.overdueGraceMs);
  /** Through the queue; while that is away the steps are run here, one by one. */
  const wakeAll = async (overdue: readonly Wake[]): Promise<void> => {
    if (await wakes.add(overdue.map((wake) => ({ wake, inMs: 0 })))) return;
    // oxlint-disable-next-line no-await-in-loop -- without the queue there is no hurry
    for (const { id } of overdue) await runStep(id, deps, stopping.signal);
  };
  const releaseHolds = (): Promise<number> =>
    releaseVoidHolds(deps.pool, deps.clock.now(), limits.sweepRowsMax);
  const findLate = async (): Promise<number> => {
    const late = await findLateBatches(deps);
    await wakeAll(late);
    return late.length;
  };

  const loops = [
    createLoop("batch_collector", collect, deps),
    createLoop(
      "message_batches",
      async () => (await sweepOnce(), await releaseHolds(), limits.sweepEveryMs),
      deps,
    ),
    createLoop("late_batches", async () => (await findLate(), batchLaneBounds.lateListingEveryMs), deps),
  ];
  const [collecting] = loops;
  return {
    collector,
    runStep: (batchId) => runStep(batchId, deps, stopping.signal),
    sweepOnce,
    wakeDue: () => wakeOverdue(0),
    releaseVoidHolds: releaseHolds,
    findLateBatches: findLate,
    start: async () => {
      await wakes.start();
      for (const loop of loops) loop.start();
      // Only said, so a provider that cannot be asked now is no obstacle.
      void reportForeign(deps).catch(() => undefined);
    },
    wakeCollector: () => collecting?.wake(),
    budgetChanged: () => {
      collector.forgetBounds();
      collecting?.wake();
    },
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
      await wakes.stop(deps.config.drainTimeoutMs);
      stopping.abort();
    },
  };
}

interface Loop {
  start(): void;
  /** Begins the next round at once, or right after the one at work. */
  wake(): void;
  /** Waits for the round at work. */
  stop(): Promise<void>;
}

/** Rounds one after the other; each answers how long to wait for the next, in milliseconds. */
function createLoop(name: string, round: () => Promise<number>, { log }: BatchLaneDeps): Loop {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let wakes = 0;
  let stopped = false;

  const turn = async (): Promise<void> => {
    const wakesBefore = wakes;
    const waitMs = await round().catch((error: unknown) => {
      log.event("sweep.failed", { sweep: name, ...errorFields(error) });
      return limits.sweepEveryMs;
    });
    running = undefined;
    schedule(wakes > wakesBefore ? 0 : waitMs);
  };
  const schedule = (waitMs: number): void => {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = turn();
    }, waitMs);
  };
  return {
    start: () => schedule(0),
    wake: () => {
      wakes += 1;
      if (running === undefined) schedule(0);
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
