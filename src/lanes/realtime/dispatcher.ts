// The dispatcher: keeps the realtime window full, over all queues of a credential, in fair turns.
//
// One per database, by a lease with an epoch; every statement that moves a job names holder and epoch, so a dispatcher that
// froze and came back moves nothing. What it moves is small: BullMQ holds a few seconds of work, and losing BullMQ costs a
// refill. A round: renew the lease, see how much is out, deal the free places, move the jobs in one transaction, add the
// entries. Dying between the commit and the add leaves jobs dispatched that no queue entry stands for; their dispatch lease
// ends and a sweep puts them back.

import type { Config } from "../../config/config.ts";
import { limits } from "../../config/limits.ts";
import type { Clock } from "../../domain/clock.ts";
import { easeIn, shareOut } from "../../domain/share.ts";
import type { Gate, GateVerdict, WorkScope } from "../../domain/work-scope.ts";
import type { Log } from "../../observe/log.ts";
import { errorFields } from "../../observe/error-fields.ts";
import { reach } from "../../observe/points.ts";
import { readCredential } from "../../postgres/credentials.ts";
import { dispatchFrom, findWaitingBulks, readWindow } from "../../postgres/dispatch.ts";
import type { Dispatch } from "../../postgres/dispatch.ts";
import type { Pool } from "../../postgres/pool.ts";
import type { Tightening } from "../../postgres/tight-bounds.ts";

export interface DispatcherDeps {
  pool: Pool;
  config: Config;
  clock: Clock;
  log: Log;
  gate: Gate;
  /** How much of its full width work may have now: less than 1 for a while after its stop was lifted. */
  widthOf(work: WorkScope): number;
  /** Puts entries into the realtime queue; a lost one is found by the sweep. */
  enqueue(dispatches: readonly Dispatch[]): Promise<void>;
  /** The dispatcher's lease, or null while somebody else holds it. */
  holdLease(): Promise<{ holder: string; epoch: bigint } | null>;
  /** Realtime calls that all living workers can run at once. */
  concurrency(): Promise<number>;
  credentialId: string;
  /** Absent: holds are by bytes and declared caps. */
  tightening?: Tightening | undefined;
}

/** A stopped credential is probed with one job this long after the last refusal. */
const credentialProbeMs = 60_000;
/** Retries due within this time are handed to BullMQ as delayed entries. */
const horizonMs = 60_000;
const bulksPerRoundMax = 1_000;

export interface Dispatcher {
  /** One round; answers how many jobs were dispatched. */
  runOnce(): Promise<number>;
  start(): void;
  /** Asks for a round now: new work, a raised budget, a lifted pause. */
  wake(): void;
  stop(): Promise<void>;
}

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const runOnce = createRound(deps);
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> | undefined;
  let wakes = 0;
  let stopped = false;

  function schedule(delayMs: number): void {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => void round(), delayMs);
  }

  async function round(): Promise<void> {
    if (running !== undefined) {
      wakes += 1;
      return;
    }
    const wakesBefore = wakes;
    running = runOnce().catch((error: unknown) =>
      deps.log.event("sweep.failed", { sweep: "dispatcher", ...errorFields(error) }),
    );
    const moved = await running;
    running = undefined;
    schedule(
      wakes > wakesBefore || (typeof moved === "number" && moved > 0)
        ? limits.dispatchBusyMs
        : limits.dispatchEveryMs,
    );
  }

  return {
    runOnce,
    start: () => schedule(0),
    wake: () => (running === undefined ? schedule(0) : void (wakes += 1)),
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** One round, which deals the free places in turns. */
function createRound(deps: DispatcherDeps): () => Promise<number> {
  const rate = createRate(deps);
  let turn = 0;
  return async () => {
    const lease = await deps.holdLease();
    if (lease === null) return 0;
    const window = await readWindow(deps.pool);
    const places = await freePlaces(deps, rate, window);
    if (places < 1) return 0;
    const bulks = (await findWaitingBulks(deps.pool, bulksPerRoundMax)).filter(
      (bulk) => deps.gate({ ...bulk, model: "" }).open,
    );
    const concurrency = await deps.concurrency();
    const eased = easeIn(bulks, concurrency, (bulk) => deps.widthOf({ ...bulk, model: "" }));
    const shares = shareOut(places, eased, turn++);
    if (shares.size === 0) return 0;
    const now = deps.clock.now();
    const dispatched = await dispatchFrom(deps.pool, shares, {
      ...lease,
      // A slow pace works off the window's last job late; it must not lose its dispatch before its turn, and its turn comes after
      // all that are out already.
      leaseMs: deps.config.dispatchLeaseMs + Math.ceil(((window.due + places) / rate.perSecond()) * 1_000),
      now,
      horizon: new Date(now.getTime() + horizonMs),
      closedBy: (work) => closedBy(deps.gate(work)),
      unbudgeted: deps.config.unbudgeted,
      tightening: deps.tightening,
    });
    for (const { jobId, dispatchNo } of dispatched) deps.log.event("job.dispatched", { jobId, dispatchNo });
    if (dispatched.length > 0) {
      reach("dispatch.committed");
      await deps.enqueue(dispatched);
      reach("dispatch.enqueued");
    }
    rate.sent(dispatched.length);
    return dispatched.length;
  };
}

/** What keeps a job queued; without permission it is dispatched all the same, since that passes by itself. */
const closedBy = (verdict: GateVerdict): "pause" | "stop" | null =>
  verdict.open || verdict.why === "no_permission" ? null : verdict.why;

interface Rate {
  /** Jobs per second that the workers drained lately; the configured pace until there is something to measure. */
  perSecond(): number;
  sent(count: number): void;
  see(out: number): void;
}

/** One job in a minute: slower lanes are measured as this. */
const slowestPerSecond = 1 / 60;

/** The drain rate: what was dispatched, less what is still out, over time; the higher of the measured and half the last. */
function createRate({ clock, config }: DispatcherDeps): Rate {
  let perSecond = config.requestsPerMinute / 60;
  let measured = false;
  let sinceMs = clock.monotonicMs();
  let outThen = 0;
  let sentSince = 0;
  return {
    perSecond: () => Math.max(perSecond, slowestPerSecond),
    sent: (count) => {
      sentSince += count;
    },
    see: (out) => {
      const elapsedMs = clock.monotonicMs() - sinceMs;
      if (elapsedMs < 500) return;
      const drained = Math.max(0, outThen + sentSince - out);
      // At work on slow ones: a rate is measured over at least one of them.
      if (drained === 0 && out > 0) return;
      const now = (drained * 1_000) / elapsedMs;
      // An idle lane says nothing about its speed.
      if (drained > 0) perSecond = measured ? Math.max(now, perSecond / 2) : Math.max(now, perSecond);
      measured ||= drained > 0;
      sinceMs = clock.monotonicMs();
      outThen = out;
      sentSince = 0;
    },
  };
}

async function freePlaces(
  deps: DispatcherDeps,
  rate: Rate,
  window: { due: number; delayed: number },
): Promise<number> {
  rate.see(window.due);
  const concurrency = await deps.concurrency();
  if (concurrency === 0) return 0;
  const credential = await readCredential(deps.pool, deps.credentialId);
  if (credential?.stoppedAt) {
    const probe = deps.clock.now().getTime() - credential.stoppedAt.getTime() >= credentialProbeMs;
    return probe && window.due === 0 ? 1 : 0;
  }
  const wanted = Math.max(concurrency * 2, Math.ceil(rate.perSecond() * limits.windowSeconds));
  return Math.min(wanted, limits.windowJobsMax - window.delayed) - window.due;
}
