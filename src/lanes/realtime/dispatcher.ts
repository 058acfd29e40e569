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
import { standingOf } from "../../domain/refused-models.ts";
import { FullLabels } from "../../domain/full-labels.ts";
import { easeIn, shareOut } from "../../domain/share.ts";
import type { Gate, GateVerdict, WorkScope } from "../../domain/work-scope.ts";
import type { Log } from "../../observe/log.ts";
import { errorFields } from "../../observe/error-fields.ts";
import { reach } from "../../observe/points.ts";
import { readCredential } from "../../postgres/credentials.ts";
import type { CredentialState } from "../../postgres/credentials.ts";
import { dispatchFrom, findWaitingBulks, readWindow } from "../../postgres/dispatch.ts";
import type { Closure, Dispatch, DispatchTerms } from "../../postgres/dispatch.ts";
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

/** A stopped credential or a refused model is probed with one job this long after the last refusal. */
const credentialProbeMs = 60_000;
/** Retries due within this time are handed to BullMQ as delayed entries. */
const horizonMs = 60_000;
const bulksPerRoundMax = 1_000;
/** Looks for work behind labels without room: each finds further labels, or the last. */
const looksPerRoundMax = 20;

export interface Dispatcher {
  /** One round; answers how many jobs were dispatched. */
  runOnce(): Promise<number>;
  start(): void;
  /** Asks for a round now: new work, a raised budget, a lifted pause. */
  wake(): void;
  /** A budget was raised or a window changed: what found no room is looked at again, now. */
  budgetChanged(): void;
  stop(): Promise<void>;
}

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const fullLabels = new FullLabels(limits.budgetRestMs);
  const runOnce = createRound(deps, fullLabels);
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

  const wake = (): void => (running === undefined ? schedule(0) : void (wakes += 1));
  return {
    runOnce,
    start: () => schedule(0),
    wake,
    budgetChanged: () => {
      fullLabels.forget();
      wake();
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** One round, which deals the free places in turns. */
function createRound(deps: DispatcherDeps, fullLabels: FullLabels): () => Promise<number> {
  const rate = createRate(deps);
  let turn = 0;
  let newest: bigint | null = null;
  return async () => {
    const lease = await deps.holdLease();
    if (lease === null) return 0;
    const window = await readWindow(deps.pool, newest);
    ({ newest } = window);
    rate.see(window);
    const credential = await readCredential(deps.pool, deps.credentialId);
    const places = await freePlaces(deps, rate, { ...window, credential });
    if (places < 1) return 0;
    const now = deps.clock.now();
    const bulks = (await findWaitingBulks(deps.pool, bulksPerRoundMax)).filter(
      (bulk) => deps.gate({ ...bulk, model: "" }).open && !fullLabels.isExhausted(bulk.bulkId, now.getTime()),
    );
    const tenants = new Map(bulks.map(({ bulkId, tenantId }) => [bulkId, tenantId]));
    const concurrency = await deps.concurrency();
    const eased = easeIn(bulks, concurrency, (bulk) => deps.widthOf({ ...bulk, model: "" }));
    const shares = shareOut(places, eased, turn++);
    if (shares.size === 0) return 0;
    const { held, probing } = standingOf(credential?.refusedModels ?? new Map(), now, credentialProbeMs);
    const terms = {
      ...lease,
      credentialId: deps.credentialId,
      // A slow pace works off the window's last job late; it must not lose its dispatch before its turn, and its turn comes after
      // all that are out already.
      leaseMs: deps.config.dispatchLeaseMs + Math.ceil(((window.due + places) / rate.perSecond()) * 1_000),
      now,
      horizon: new Date(now.getTime() + horizonMs),
      closedBy: (work: WorkScope) =>
        closedBy(deps.gate(work)) ?? (held.has(work.model) ? ("credential" as const) : null),
      unbudgeted: deps.config.unbudgeted,
      tightening: deps.tightening,
      probing,
      oneInAll: isStopped(credential),
      fullLabels,
      tenantOf: (bulkId: string) => tenants.get(bulkId),
    };
    const dispatched =
      terms.oneInAll && probing.size > 0
        ? await probeBesides(deps.pool, shares, terms)
        : await lookBehind(deps.pool, shares, terms);
    for (const { jobId, dispatchNo } of dispatched) deps.log.event("job.dispatched", { jobId, dispatchNo });
    if (dispatched.length > 0) {
      reach("dispatch.committed");
      await deps.enqueue(dispatched);
      reach("dispatch.enqueued");
    }
    return dispatched.length;
  };
}

/** Looks until something fits, or no further label turns out to be full: what is behind those that are waits for no rest of theirs. */
async function lookBehind(
  pool: Pool,
  shares: ReadonlyMap<string, number>,
  terms: DispatchTerms,
): Promise<Dispatch[]> {
  const known = (): number => terms.fullLabels.now(terms.now.getTime()).length;
  for (let look = 1; ; look += 1) {
    const before = known();
    // oxlint-disable-next-line no-await-in-loop -- each look leaves out what the one before found full
    const dispatched = await dispatchFrom(pool, shares, terms);
    if (dispatched.length > 0 || look >= looksPerRoundMax || known() === before) return dispatched;
  }
}

/**
 * The one probe of a stopped credential goes to a model that was not refused, if there is one: a refused one would be refused again,
 * and nobody would ever learn that the key is good for others.
 */
async function probeBesides(
  pool: Pool,
  shares: ReadonlyMap<string, number>,
  terms: DispatchTerms,
): Promise<Dispatch[]> {
  const besides = await dispatchFrom(pool, shares, {
    ...terms,
    closedBy: (work) => terms.closedBy(work) ?? (terms.probing.has(work.model) ? "credential" : null),
  });
  return besides.length > 0 ? besides : dispatchFrom(pool, shares, terms);
}

/** What keeps a job queued; without permission it is dispatched all the same, since that passes by itself. */
const closedBy = (verdict: GateVerdict): Closure | null =>
  verdict.open || verdict.why === "no_permission" ? null : verdict.why;

const isStopped = (credential: CredentialState | null): boolean => (credential?.stoppedAt ?? null) !== null;

interface Rate {
  /** Calls per second that the workers ended lately; the configured pace until there is something to measure. */
  perSecond(): number;
  see(window: { due: number; ended: number }): void;
}

/** One job in a minute: slower lanes are measured as this. */
const slowestPerSecond = 1 / 60;

/**
 * The drain rate: calls that ended with a bill, over time; the higher of the measured and half the last. What leaves the window
 * otherwise (given back at a pause, requeued by a sweep) is no measure of how much it needs to hold.
 */
function createRate({ clock, config }: DispatcherDeps): Rate {
  let perSecond = config.requestsPerMinute / 60;
  let measured = false;
  let sinceMs = clock.monotonicMs();
  let endedSince = 0;
  return {
    perSecond: () => Math.max(perSecond, slowestPerSecond),
    see: ({ due, ended }) => {
      endedSince += ended;
      const elapsedMs = clock.monotonicMs() - sinceMs;
      if (elapsedMs < 500) return;
      // At work on slow ones: a rate is measured over at least one of them.
      if (endedSince === 0 && due > 0) return;
      const now = (endedSince * 1_000) / elapsedMs;
      // An idle lane says nothing about its speed.
      if (endedSince > 0) perSecond = measured ? Math.max(now, perSecond / 2) : Math.max(now, perSecond);
      measured ||= endedSince > 0;
      sinceMs = clock.monotonicMs();
      endedSince = 0;
    },
  };
}

async function freePlaces(
  deps: DispatcherDeps,
  rate: Rate,
  window: { due: number; delayed: number; credential: CredentialState | null },
): Promise<number> {
  const concurrency = await deps.concurrency();
  if (concurrency === 0) return 0;
  const { credential } = window;
  if (credential?.stoppedAt) {
    const probe = deps.clock.now().getTime() - credential.stoppedAt.getTime() >= credentialProbeMs;
    // A full look, of which one job goes: the first that comes may have no room under its ceilings.
    if (!probe || window.due > 0) return 0;
  }
  const wanted = Math.max(concurrency * 2, Math.ceil(rate.perSecond() * limits.windowSeconds));
  return Math.min(wanted, limits.windowJobsMax - window.delayed) - window.due;
}
