// Which queues the board shows, and what pausing each of them means: every Sluice queue, and the two queues of the lanes. The
// latter serve everybody, so their switch is the one for everything: somebody who presses pause there in a hurry gets a pause.
import { limits } from "../../config/limits.ts";
import type { Flags } from "../../control/flags.ts";
import { laneQueues } from "../../control/pause-mirror.ts";
import { pauseAll, pauseQueue, resumeAll, resumeQueue } from "../../control/pauses.ts";
import type { Clock } from "../../domain/clock.ts";
import type { Log } from "../../observe/log.ts";
import { listNamedQueues, type NamedQueue } from "../../postgres/entries.ts";
import type { Database } from "../../postgres/pool.ts";
import type { QueueBackend } from "../../queue/backend.ts";
import { SluiceQueueAdapter, type PauseSwitch } from "./adapter.ts";

interface BoardQueuesDeps {
  readonly database: Database;
  readonly backend: Pick<QueueBackend, "createQueue">;
  readonly flags: Pick<Flags, "find" | "refresh">;
  readonly clock: Clock;
  readonly log: Log;
  readonly basePath: string;
  readonly show: (adapter: SluiceQueueAdapter) => void;
  /** Who presses the button. */
  readonly actor: () => string;
}

const laneDescriptions: Record<(typeof laneQueues)[number], string> = {
  realtime: "Jobs about to be called, of all queues. Pausing here pauses everything.",
  "message-batches":
    "Wake-ups of message batches, of all queues. Pausing here pauses everything; polling and ingest go on.",
};

export class BoardQueues {
  readonly #deps: BoardQueuesDeps;
  readonly #shown = new Set<string>();
  /** Sluice queues by their name on the board. */
  readonly #named = new Map<string, NamedQueue>();
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  constructor(deps: BoardQueuesDeps) {
    this.#deps = deps;
  }

  /** The switch for all queues: the global flag. */
  get everything(): PauseSwitch {
    const { flags } = this.#deps;
    return {
      isPaused: () => flags.find("pause", "global", "") !== undefined,
      pause: () => this.#press((act) => pauseAll(this.#deps, act)),
      resume: () => this.#press((act) => resumeAll(this.#deps, act)),
    };
  }

  /** Why resuming this queue alone would change nothing; undefined if it would, or if it is not paused at all. */
  heldByAnother(name: string): string | undefined {
    const queue = this.#named.get(name);
    const { flags } = this.#deps;
    if (queue === undefined || flags.find("pause", "queue", queue.queueId) !== undefined) return undefined;
    if (this.everything.isPaused()) return "Everything is paused, not this queue by itself: use Resume all.";
    const tenant = flags.find("pause", "tenant", queue.tenantId);
    return tenant === undefined ? undefined : "Its whole tenant is paused, not this queue by itself.";
  }

  /** Shows queues that are new since the last look. When a store is away, what is known stays shown. */
  async refresh(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#refreshedAtMs < limits.followerEveryMs) return;
    this.#refreshing ??= this.#showNew(nowMs)
      .catch(() => undefined)
      .finally(() => {
        this.#refreshing = undefined;
      });
    await this.#refreshing;
  }

  async #showNew(nowMs: number): Promise<void> {
    const named = await listNamedQueues(this.#deps.database);
    for (const queue of named) this.#named.set(queue.entryQueue, queue);
    const lanes = laneQueues.map((name) => ({
      name,
      pause: this.everything,
      description: laneDescriptions[name],
    }));
    const own = named.map((queue) => ({
      name: queue.entryQueue,
      pause: this.#switchOf(queue),
      description: `Bulks of this queue. Owner: ${queue.owner}.`,
    }));
    const fresh = [...lanes, ...own].filter(({ name }) => !this.#shown.has(name));
    await Promise.all(fresh.map((one) => this.#show(one)));
    this.#refreshedAtMs = nowMs;
  }

  async #show({
    name,
    pause,
    description,
  }: {
    name: string;
    pause: PauseSwitch;
    description: string;
  }): Promise<void> {
    const queue = await this.#deps.backend.createQueue(name);
    this.#deps.show(new SluiceQueueAdapter(queue, { pause, description, basePath: this.#deps.basePath }));
    this.#shown.add(name);
  }

  #switchOf({ queueId, tenantId }: NamedQueue): PauseSwitch {
    const { flags } = this.#deps;
    return {
      isPaused: () =>
        this.everything.isPaused() ||
        flags.find("pause", "tenant", tenantId) !== undefined ||
        flags.find("pause", "queue", queueId) !== undefined,
      pause: () => this.#press((act) => pauseQueue(this.#deps, { queueId }, act)),
      resume: () => this.#press((act) => resumeQueue(this.#deps, { queueId }, act)),
    };
  }

  // The flags are read again before the answer, so that the page shows at once what the button did.
  async #press(write: (act: { actor: string; reason: string }) => Promise<unknown>): Promise<void> {
    await write({ actor: this.#deps.actor(), reason: "pressed in Bull Board" });
    await this.#deps.flags.refresh();
  }
}
