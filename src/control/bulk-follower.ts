// Follows bulks on the board: keeps a BullMQ worker on every queue that has something to show, writes the progress of each
// unfinished bulk into its entry, and lets the entry complete when its bulk has finished.
//
//   bulk accepted ─▶ entry waiting ─▶ entry active (followed) ─▶ entry completed, with the outcome counts
//                         ▲                    │
//                         └── added again when the queue lost it
//
// The processor of an entry does nothing: it is a promise that one loop keeps for all of them, with a few statements a second
// however many bulks there are. Nothing depends on any of this; a follower that dies leaves entries that the next one takes up.
// The number of workers is bounded, because each costs connections; bulks beyond it run just the same and are shown later.
import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { formatUsd } from "../domain/money.ts";
import type { Gate } from "../domain/work-scope.ts";
import { findNamedQueue, findUnfinishedBulks, readBulkEnds } from "../postgres/entries.ts";
import type { Database } from "../postgres/pool.ts";
import { readProgress, type Progress } from "../postgres/tallies.ts";
import type { QueueBackend, QueueWorker } from "../queue/backend.ts";
import { addJobs, postpone, type EntryQueue, type Work } from "../queue/entries.ts";
import { bulkEntry, bulkProgress, type BulkEntryData, type BulkProgress } from "./bulk-entries.ts";

interface FollowerDeps {
  readonly database: Database;
  readonly backend: QueueBackend;
  readonly gate: Gate;
  readonly clock: Clock;
  /** Between two checks that an entry is still there. */
  readonly checkMs: number;
  /** Aborted when the process stops: what is being looked at is left. */
  readonly signal: AbortSignal;
}

/** How a bulk ended: the last progress of its entry, and what the entry returns. */
interface BulkEnd {
  readonly progress: BulkProgress;
  readonly returned: object;
}

interface FollowedQueue {
  readonly queue: EntryQueue;
  readonly worker: QueueWorker;
  usedAtMs: number;
}

interface FollowedBulk {
  readonly bulkId: string;
  readonly queueId: string;
  entryId: string;
  /** What the entry shows, as written last. */
  shown: string;
  /** When it was last seen to be there; undefined: not since something failed. */
  checkedAtMs: number | undefined;
}

export class BulkFollower {
  readonly #deps: FollowerDeps;
  readonly #queuesMax: number;
  readonly #queues = new Map<string, FollowedQueue>();
  readonly #bulks = new Map<string, FollowedBulk>();
  /** Entries in hand, by bulk: how to complete them. Two of one bulk can be active after a loss. */
  readonly #inHand = new Map<string, Set<(end: BulkEnd | undefined) => void>>();
  /** Queues whose worker is closing: an entry that still gets through is sent back at once. */
  readonly #closing = new Set<string>();
  readonly #opening = new Map<string, Promise<boolean>>();

  constructor(deps: FollowerDeps) {
    this.#deps = deps;
    this.#queuesMax =
      deps.backend.kind === "redis" ? limits.followedQueuesMax : limits.followedQueuesOnPostgresMax;
  }

  /** The queues that have a worker now, by id. */
  get followed(): ReadonlySet<string> {
    return new Set(this.#queues.keys());
  }

  /** Puts a worker on a queue that has or may have entries, for a minute at least. False: too many already, or no way now. */
  async follow(queueId: string): Promise<boolean> {
    const known = this.#queues.get(queueId);
    if (known !== undefined) {
      known.usedAtMs = this.#deps.clock.monotonicMs();
      return true;
    }
    if (this.#queues.size + this.#opening.size >= this.#queuesMax || this.#deps.signal.aborted) return false;
    // The queue backend logs its outages itself; the next look tries again.
    const opening = this.#opening.get(queueId) ?? this.#open(queueId).catch(() => false);
    this.#opening.set(queueId, opening);
    return opening.finally(() => this.#opening.delete(queueId));
  }

  async #open(queueId: string): Promise<boolean> {
    const { database, backend, clock } = this.#deps;
    const named = await findNamedQueue(database, queueId);
    if (named === undefined) return false;
    const queue = await backend.createQueue(named.entryQueue);
    const worker = await backend.createWorker<BulkEntryData>(
      named.entryQueue,
      (work) => this.#hold(queueId, work),
      {
        concurrency: limits.followedBulksMax,
      },
    );
    this.#queues.set(queueId, { queue, worker, usedAtMs: clock.monotonicMs() });
    return true;
  }

  /** One look at everything that is followed or should be. */
  async runOnce(): Promise<void> {
    const { database } = this.#deps;
    for (const { bulkId, queueId } of await findUnfinishedBulks(database, this.#queuesMax)) {
      // oxlint-disable-next-line no-await-in-loop -- almost always known already
      if (!(await this.follow(queueId))) continue;
      if (!this.#bulks.has(bulkId))
        this.#bulks.set(bulkId, {
          bulkId,
          queueId,
          entryId: bulkEntry(bulkId).id,
          shown: "",
          checkedAtMs: undefined,
        });
    }
    const ids = [...new Set([...this.#bulks.keys(), ...this.#inHand.keys()])];
    // In this order: the counts of a bulk that says it has finished are its last ones.
    const ends = await readBulkEnds(database, ids);
    const progress = await readProgress(database, ids);
    const byId = new Map(ends.map((end) => [end.id, end]));
    const due = ids.map((bulkId) => async () => {
      const end = byId.get(bulkId);
      const counts = progress.get(bulkId);
      if (end === undefined || counts === undefined || end.finished_at !== null)
        this.#complete(bulkId, counts);
      else await this.#show(bulkId, bulkProgress(counts, end, this.#verdict(end)));
    });
    await inBatches(due);
    await this.#closeIdle();
  }

  /** Gives everything back: entries in hand return to their queues. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.#opening.values());
    const closing = this.#close([...this.#queues.keys()]);
    for (const all of this.#inHand.values()) for (const leave of all) leave(undefined);
    this.#inHand.clear();
    this.#bulks.clear();
    await closing;
  }

  async #close(queueIds: readonly string[]): Promise<void> {
    await Promise.all(
      queueIds.map(async (queueId) => {
        const followed = this.#queues.get(queueId);
        this.#queues.delete(queueId);
        this.#closing.add(queueId);
        await followed?.worker.close(0);
        this.#closing.delete(queueId);
      }),
    );
  }

  #verdict(end: { tenant_id: string; queue_id: string; job_type: string; id: string }) {
    const scope = {
      tenantId: end.tenant_id,
      queueId: end.queue_id,
      jobType: end.job_type,
      bulkId: end.id,
      model: "",
    };
    return this.#deps.gate(scope);
  }

  #remember(bulkId: string, queueId: string): FollowedBulk {
    const bulk = this.#bulks.get(bulkId) ?? {
      bulkId,
      queueId,
      entryId: bulkEntry(bulkId).id,
      shown: "",
      checkedAtMs: undefined,
    };
    this.#bulks.set(bulkId, bulk);
    return bulk;
  }

  async #hold(queueId: string, work: Work<BulkEntryData>): Promise<unknown> {
    const { entry, signal } = work;
    const { bulkId } = entry.data;
    const sendBack = (): Promise<never> => postpone(work, this.#deps.clock.now().getTime());
    if (this.#closing.has(queueId)) return sendBack();
    this.#remember(bulkId, queueId).entryId = entry.id ?? bulkEntry(bulkId).id;
    const all = this.#inHand.get(bulkId) ?? new Set();
    this.#inHand.set(bulkId, all);
    const end = await new Promise<BulkEnd | undefined>((resolve) => {
      all.add(resolve);
      // The worker closes: the entry goes back, and the next follower takes it up.
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    if (end === undefined) return sendBack();
    await entry.updateProgress(end.progress);
    return end.returned;
  }

  async #show(bulkId: string, progress: object): Promise<void> {
    const bulk = this.#bulks.get(bulkId);
    const queue = bulk && this.#queues.get(bulk.queueId)?.queue;
    if (bulk === undefined || queue === undefined || this.#deps.signal.aborted) return;
    const nowMs = this.#deps.clock.monotonicMs();
    const isDue = bulk.checkedAtMs === undefined || nowMs - bulk.checkedAtMs >= this.#deps.checkMs;
    const text = JSON.stringify(progress);
    if (!isDue && text === bulk.shown) return;
    try {
      if (isDue) await this.#ensureEntry(bulk, queue);
      await queue.updateJobProgress(bulk.entryId, progress);
      bulk.shown = text;
      if (isDue) bulk.checkedAtMs = nowMs;
    } catch {
      // The queue is away, or has lost the entry: looked for at the next look. The backend logs its outages itself.
      bulk.checkedAtMs = undefined;
    }
  }

  /** An unfinished bulk has an entry that has not ended; after a loss it gets a new one, under an id the queue takes. */
  async #ensureEntry(bulk: FollowedBulk, queue: EntryQueue): Promise<void> {
    for (let no = 0; no < limits.entryNumbersMax; no += 1) {
      const entry = bulkEntry(bulk.bulkId, no);
      // oxlint-disable-next-line no-await-in-loop -- the first look is nearly always the last
      const state = await queue.getJobState(entry.id);
      if (state === "completed" || state === "failed") continue;
      bulk.entryId = entry.id;
      // oxlint-disable-next-line no-await-in-loop
      if (state === "unknown") await addJobs(queue, [entry]);
      return;
    }
  }

  #complete(bulkId: string, counts: Progress | undefined): void {
    const { done = 0, total = 0, costNano = 0n, outcomes = {} } = counts ?? {};
    const spentUsd = formatUsd(costNano);
    const end = {
      progress: { done, total, spentUsd, waitReason: null },
      returned: { jobs: total, outcomes, spentUsd },
    };
    for (const complete of this.#inHand.get(bulkId) ?? []) complete(end);
    this.#inHand.delete(bulkId);
    this.#bulks.delete(bulkId);
  }

  async #closeIdle(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const bulk of this.#bulks.values()) {
      const queue = this.#queues.get(bulk.queueId);
      if (queue !== undefined) queue.usedAtMs = nowMs;
    }
    const idle = [...this.#queues].filter(([, { usedAtMs }]) => nowMs - usedAtMs >= limits.followerIdleMs);
    await this.#close(idle.map(([queueId]) => queueId));
  }
}

async function inBatches(acts: readonly (() => Promise<void>)[]): Promise<void> {
  for (let from = 0; from < acts.length; from += limits.followerWritesMax) {
    // oxlint-disable-next-line no-await-in-loop -- batches follow each other: that is the bound
    await Promise.all(acts.slice(from, from + limits.followerWritesMax).map((act) => act()));
  }
}
