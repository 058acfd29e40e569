// Pause flags as BullMQ shows them, and back.
//
// The flag in Postgres is the truth, and the gate reads nothing else: a BullMQ queue that is paused is only how other tools see
// it. Two directions:
//   flag ─▶ BullMQ   every change of a flag is applied; what a queue is found with (at the start, after a restart of Redis, from
//                    an old snapshot) is overwritten, so that an old Redis never brings back a lifted pause.
//   BullMQ ─▶ flag   only by an *event* that we did not cause: somebody used another BullMQ client just now. It becomes a flag
//                    with the actor `bullmq`, like any other act.
// Which events are our own is known because only one process mirrors (under a lease) and it counts what it asks for. A state
// without an event is given one more look before it is overwritten, since its event may still be under way.
//
// The queues of the lanes: `realtime` is paused while everything is. `message-batches` never is, because polling and ingest go on
// during a pause; pausing it pauses everything, as does its button on the board, and then it runs again.
import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
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
}

type State = "paused" | "resumed";

interface Mirrored {
  readonly queue: EntryQueue;
  /** The Sluice queue and its tenant; undefined for the queues of the lanes. */
  readonly of: { queueId: string; tenantId: string } | undefined;
  events: { close(): Promise<void> } | undefined;
  /** States we asked for whose events have not come back, with when they count as lost. */
  echoes: { state: State; untilMs: number }[];
  /** Found different from its flag at the last look. */
  suspect: boolean;
}

const act = (state: State) => ({ actor: "bullmq", reason: `${state} from another BullMQ client` });

export class PauseMirror {
  readonly #deps: MirrorDeps;
  readonly #mirrored = new Map<string, Mirrored>();
  #listening = 0;
  #begun = false;

  constructor(deps: MirrorDeps) {
    this.#deps = deps;
  }

  /** Applies the flags to every queue. The first time what is found is overwritten at once: nobody was there to hear events. */
  async runOnce(): Promise<void> {
    const names = await listNamedQueues(this.#deps.database);
    const wanted = [
      ...laneQueues.map((name) => ({ name, of: undefined })),
      ...names.map((of) => ({ name: of.entryQueue, of })),
    ];
    for (const { name, of } of wanted) {
      // oxlint-disable-next-line no-await-in-loop -- almost always known already
      const mirrored = this.#mirrored.get(name) ?? (await this.#open(name, of));
      // oxlint-disable-next-line no-await-in-loop -- a queue backend with hundreds of queues is not to be flooded
      await this.#compare(mirrored);
    }
    this.#begun = true;
  }

  /** Applies changed flags at once. */
  async apply(): Promise<void> {
    await Promise.all([...this.#mirrored.values()].map((one) => this.#set(one)));
  }

  async stop(): Promise<void> {
    const all = [...this.#mirrored.values()];
    this.#mirrored.clear();
    this.#listening = 0;
    this.#begun = false;
    await Promise.all(all.flatMap(({ events }) => (events === undefined ? [] : [events.close()])));
  }

  async #open(name: string, of: Mirrored["of"]): Promise<Mirrored> {
    const { backend } = this.#deps;
    const mirrored: Mirrored = {
      queue: await backend.createQueue(name),
      of,
      events: undefined,
      echoes: [],
      suspect: !this.#begun,
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

  #wanted({ queue, of }: Mirrored): State {
    const { flags } = this.#deps;
    const everything = flags.find("pause", "global", "") !== undefined;
    if (of === undefined) return everything && queue.name === "realtime" ? "paused" : "resumed";
    const own = flags.find("pause", "queue", of.queueId) ?? flags.find("pause", "tenant", of.tenantId);
    return everything || own !== undefined ? "paused" : "resumed";
  }

  async #compare(mirrored: Mirrored): Promise<void> {
    const differs = (await this.#found(mirrored)) !== this.#wanted(mirrored);
    if (differs && mirrored.suspect) await this.#set(mirrored);
    mirrored.suspect = differs && !mirrored.suspect;
  }

  async #found({ queue }: Mirrored): Promise<State> {
    return (await queue.isPaused()) ? "paused" : "resumed";
  }

  async #set(mirrored: Mirrored): Promise<void> {
    const state = this.#wanted(mirrored);
    if ((await this.#found(mirrored)) === state) return;
    mirrored.echoes.push({ state, untilMs: this.#deps.clock.monotonicMs() + limits.echoMs });
    await (state === "paused" ? mirrored.queue.pause() : mirrored.queue.resume());
  }

  async #hear(mirrored: Mirrored, state: State): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    mirrored.echoes = mirrored.echoes.filter(({ untilMs }) => untilMs > nowMs);
    const own = mirrored.echoes.findIndex((echo) => echo.state === state);
    if (own !== -1) {
      mirrored.echoes.splice(own, 1);
      return;
    }
    try {
      // Overtaken by what came after it, or an echo that took too long: only a state that still stands is somebody's will.
      if ((await this.#found(mirrored)) !== state || this.#wanted(mirrored) === state) return;
      await this.#mirror(mirrored, state);
    } catch (error) {
      // Without Postgres nothing starts anyway; the state of BullMQ is overwritten later.
      this.#deps.log.event("sweep.failed", { sweep: "pause-mirror", ...errorFields(error) });
    }
  }

  async #mirror({ of }: Mirrored, state: State): Promise<void> {
    const { flags } = this.#deps;
    if (of === undefined)
      await (state === "paused" ? pauseAll(this.#deps, act(state)) : resumeAll(this.#deps, act(state)));
    else
      await (state === "paused"
        ? pauseQueue(this.#deps, of, act(state))
        : resumeQueue(this.#deps, of, act(state)));
    await flags.refresh();
    await this.apply();
  }
}
