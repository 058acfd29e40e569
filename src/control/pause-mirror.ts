// Pause flags as BullMQ shows them, and back.
//
// The flag in Postgres is the truth, and the gate reads nothing else: a BullMQ queue that is paused is only how other tools see
// it. Two directions:
//   flag ─▶ BullMQ   every change of a flag is applied; what a queue is found with (at the start, after a restart of Redis, from
//                    an old snapshot) is overwritten, so that an old Redis never brings back a lifted pause.
//   BullMQ ─▶ flag   only by an *event* that we did not cause: somebody used another BullMQ client just now. It becomes a flag
//                    with the actor `bullmq`, like any other act.
// Our own pauses and resumes come back as events too. They are told by what is wanted: an event that agrees with the flags
// changes nothing. What is done to a queue and what is heard from it goes one after the other, and a changed flag is put into
// that row at once, so an event of ours that comes late finds the queue in another state than it tells of, and is dropped.
// A state without an event is left for a few seconds before it is overwritten, since its event may still be under way.
//
// The queues of the lanes are never left paused in BullMQ: polling and ingest go on during a pause, and the realtime lane must
// not depend on this mirror to run again. Pausing one of them pauses everything, as does its button on the board, and then the
// BullMQ queue itself runs again; the gate is what holds its jobs.
import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { isServiceError } from "../domain/errors.ts";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";
import { listNamedQueues } from "../postgres/entries.ts";
import type { Database } from "../postgres/pool.ts";
import type { QueueBackend } from "../queue/backend.ts";
import type { EntryQueue } from "../queue/entries.ts";
import type { Flags } from "./flags.ts";
import { pauseAll, pauseQueue, resumeAll, resumeQueue } from "./pauses.ts";

/** The queues that belong to no Sluice queue. */
export const laneQueues = ["realtime", "message-batches"] as const;

interface MirrorDeps {
  readonly database: Database;
  readonly backend: QueueBackend;
  readonly flags: Pick<Flags, "find" | "refresh">;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the process stops: what is being looked at is left. */
  readonly signal: AbortSignal;
}

type State = "paused" | "resumed";

interface Mirrored {
  readonly queue: EntryQueue;
  /** The Sluice queue and its tenant; undefined for the queues of the lanes. */
  readonly of: { queueId: string; tenantId: string } | undefined;
  events: { close(): Promise<void> } | undefined;
  /** Since when it has been found different from its flag; undefined: it is as it should be. */
  differsSinceMs: number | undefined;
  /** The state that flag and queue last had in common: a flag that still wants it asks for nothing. */
  agreed: State | undefined;
  /** Ends with the last act on the queue, ours or heard. */
  tail: Promise<unknown>;
}

const actOf = (state: State) => ({ actor: "bullmq", reason: `${state} from another BullMQ client` });

export class PauseMirror {
  readonly #deps: MirrorDeps;
  readonly #mirrored = new Map<string, Mirrored>();
  #listening = 0;

  constructor(deps: MirrorDeps) {
    this.#deps = deps;
  }

  /** Applies the flags to every queue. What a queue is found with for the first time is overwritten at once. */
  async runOnce(): Promise<void> {
    const names = await listNamedQueues(this.#deps.database);
    const wanted = [
      ...laneQueues.map((name) => ({ name, of: undefined })),
      ...names.map((of) => ({ name: of.entryQueue, of })),
    ];
    for (const { name, of } of wanted) {
      if (this.#deps.signal.aborted) return;
      // oxlint-disable-next-line no-await-in-loop -- almost always known already
      const mirrored = this.#mirrored.get(name) ?? (await this.#open(name, of));
      // oxlint-disable-next-line no-await-in-loop -- a queue backend with hundreds of queues is not to be flooded
      await this.#compare(mirrored);
    }
  }

  /** Applies changed flags at once. */
  async apply(): Promise<void> {
    const changed = [...this.#mirrored.values()].filter((one) => one.agreed !== this.#wanted(one));
    await Promise.all(changed.map((one) => inTurn(one, () => this.#set(one))));
  }

  async stop(): Promise<void> {
    const all = [...this.#mirrored.values()];
    this.#mirrored.clear();
    this.#listening = 0;
    await Promise.all(all.flatMap(({ events }) => (events === undefined ? [] : [events.close()])));
  }

  async #open(name: string, of: Mirrored["of"]): Promise<Mirrored> {
    const { backend } = this.#deps;
    const mirrored: Mirrored = {
      queue: await backend.createQueue(name),
      of,
      events: undefined,
      // Nobody was there to hear an event, so there is none to wait for.
      differsSinceMs: Number.NEGATIVE_INFINITY,
      agreed: undefined,
      tail: Promise.resolve(),
    };
    const listenersMax =
      backend.kind === "redis" ? limits.followedQueuesMax : limits.followedQueuesOnPostgresMax;
    if (this.#listening < listenersMax) {
      this.#listening += 1;
      const events = await backend.createQueueEvents(name);
      events.on("paused", () => void this.#hear(mirrored, "paused"));
      events.on("resumed", () => void this.#hear(mirrored, "resumed"));
      mirrored.events = events;
    }
    this.#mirrored.set(name, mirrored);
    return mirrored;
  }

  #wanted({ of }: Mirrored): State {
    const { flags } = this.#deps;
    if (of === undefined) return "resumed";
    const flag =
      flags.find("pause", "global", "") ??
      flags.find("pause", "tenant", of.tenantId) ??
      flags.find("pause", "queue", of.queueId);
    return flag === undefined ? "resumed" : "paused";
  }

  async #compare(mirrored: Mirrored): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    if ((await this.#found(mirrored)) === this.#wanted(mirrored)) {
      mirrored.differsSinceMs = undefined;
      return;
    }
    mirrored.differsSinceMs ??= nowMs;
    if (nowMs - mirrored.differsSinceMs < limits.echoMs) return;
    await inTurn(mirrored, () => this.#set(mirrored));
    mirrored.differsSinceMs = undefined;
  }

  async #found({ queue }: Mirrored): Promise<State> {
    return (await queue.isPaused()) ? "paused" : "resumed";
  }

  async #set(mirrored: Mirrored): Promise<void> {
    const state = this.#wanted(mirrored);
    if ((await this.#found(mirrored)) !== state)
      await (state === "paused" ? mirrored.queue.pause() : mirrored.queue.resume());
    mirrored.agreed = state;
  }

  async #hear(mirrored: Mirrored, state: State): Promise<void> {
    try {
      await inTurn(mirrored, async () => {
        if (this.#wanted(mirrored) === state) return;
        // Overtaken by what came after it: only a state that still stands is somebody's will.
        if ((await this.#found(mirrored)) !== state) return;
        mirrored.agreed = state;
        await this.#mirror(mirrored, state);
        // Where another flag still says otherwise, or the queue is never to be paused.
        if (this.#wanted(mirrored) !== state) await this.#set(mirrored);
      });
    } catch (error) {
      // Without Postgres nothing starts anyway; the state of BullMQ is overwritten later.
      this.#deps.log.event("sweep.failed", { sweep: "pause-mirror", ...errorFields(error) });
    }
  }

  async #mirror({ of }: Mirrored, state: State): Promise<void> {
    const { flags } = this.#deps;
    if (of === undefined)
      await (state === "paused" ? pauseAll(this.#deps, actOf(state)) : resumeAll(this.#deps, actOf(state)));
    else
      await (state === "paused"
        ? pauseQueue(this.#deps, of, actOf(state))
        : // What the breaker holds is not for another client to lift: the queue is paused again right after.
          resumeQueue(this.#deps, of, actOf(state)).catch(unlessPersonNeeded));
    await flags.refresh();
  }
}

function unlessPersonNeeded(error: unknown): void {
  if (!isServiceError(error, "person_needed")) throw error;
}

async function inTurn(mirrored: Mirrored, act: () => Promise<void>): Promise<void> {
  const turn = mirrored.tail.then(act);
  mirrored.tail = turn.catch(() => undefined);
  await turn;
}
