// The motor: BullMQ on Redis, or on PostgreSQL where there is no Redis. Chosen once, at start; above this folder nobody knows
// which it is, and nobody else imports bullmq or ioredis.
//
// The queue is disposable (promise 7): entries wake and show, rows decide. So nothing here guards against loss; it guards
// against hanging, against dying of an unheard `error` event, and against writing content where it does not belong.
import { Queue, QueueEvents, Worker } from "bullmq";
import type { EventEmitter } from "node:events";
import { errorFields } from "../observe/error-fields.ts";
import type { Log } from "../observe/log.ts";
import type { Entry, EntryQueue, Work } from "./entries.ts";
import { isDirection, queueFault, storableFailure, withDeadline } from "./faults.ts";
import { queueLimits } from "./limits.ts";
import { assertQueueName } from "./names.ts";
import { entryDefaults, listenerSettings, queueSettings, workerSettings } from "./options.ts";
import { createTally, endsWithin } from "./tally.ts";
import type { Tally } from "./tally.ts";
import { watchOutages } from "./outage.ts";
import type { OutageWatch } from "./outage.ts";
import { connectPostgres } from "./postgres-connections.ts";
import { connectRedis } from "./redis-connections.ts";
import type { Connections } from "./connections.ts";

export type QueueBackendKind = "redis" | "postgres";

/** Runs one entry. What it resolves with is stored and shown on the board: ids and numbers only, or nothing. */
export type Processor<Data> = (work: Work<Data>) => Promise<unknown>;

interface WorkerOptions {
  /** Entries at once in this process. */
  readonly concurrency: number;
}

export interface QueueWorker {
  readonly worker: Worker;
  /**
   * Takes nothing new and waits for the entries in hand: `graceMs`, then their signals are aborted, then a last deadline.
   * What still runs after that is left to its lease.
   */
  readonly close: (graceMs?: number) => Promise<void>;
}

export interface QueueBackend {
  readonly kind: QueueBackendKind;
  /** For the banner, without secrets. */
  readonly describe: string;
  /** The queue of that name; the same object each time. */
  createQueue(name: string): Promise<EntryQueue>;
  /** A worker on that queue, which begins to take entries at once. */
  createWorker<Data>(name: string, processor: Processor<Data>, options: WorkerOptions): Promise<QueueWorker>;
  /** A listener to that queue's events. They may be lost or doubled: for display and tests, never for decisions. */
  createQueueEvents(name: string): Promise<QueueEvents>;
  /** Milliseconds until the backend answered. Throws queue_unavailable. */
  ping(): Promise<number>;
  /** Closes workers, listeners, queues and connections. */
  close(): Promise<void>;
}

export interface QueueBackendOptions {
  /** The Redis to use; `none` means PostgreSQL. */
  readonly redis:
    | { readonly kind: "none"; readonly describe: string }
    | { readonly kind: string; readonly url: string; readonly describe: string };
  readonly postgresUrl: string;
  /** Namespace of all keys on Redis. On PostgreSQL the database is the namespace. */
  readonly prefix: string;
  readonly log: Log;
}

/**
 * Opens the backend; on PostgreSQL its tables are made (schema `bullmq`).
 * @throws ServiceError queue_unavailable
 */
export async function openQueueBackend(options: QueueBackendOptions): Promise<QueueBackend> {
  const { redis, log } = options;
  const isRedis = "url" in redis;
  // The connections report to the watch, and the watch asks the connections.
  let connections: Connections | undefined;
  const outages = watchOutages({
    log,
    probe: () => connections?.ping() ?? Promise.reject(new Error("not connected")),
  });
  connections = isRedis
    ? await connectRedis(redis.url, options.prefix, outages.report)
    : await connectPostgres(options.postgresUrl, outages.report);
  const kind = isRedis ? "redis" : "postgres";
  const describe = isRedis
    ? `BullMQ on ${redis.describe}`
    : `BullMQ on PostgreSQL, because there is ${redis.describe}`;
  log.event("queue.backend_chosen", { backend: kind });
  return backendOn({ connections, outages, log, kind, describe });
}

interface Parts {
  readonly connections: Connections;
  readonly outages: OutageWatch;
  readonly log: Log;
  readonly kind: QueueBackendKind;
  readonly describe: string;
}

function backendOn({ connections, outages, log, kind, describe }: Parts): QueueBackend {
  const queues = new Map<string, Promise<Queue>>();
  const workers = new Set<QueueWorker>();
  const listeners = new Set<() => Promise<void>>();
  let closed: Promise<void> | undefined;

  const openQueue = async (name: string): Promise<Queue> => {
    const settings = { ...queueSettings, defaultJobOptions: entryDefaults, ...connections.forQueue() };
    const queue = new Queue(name, settings, connections.factory);
    return ready(queue, outages.report, () => closeWithin(queue, doNothing));
  };
  const close = async (): Promise<void> => {
    await Promise.all([...workers].map((worker) => worker.close()));
    outages.stop();
    const open = await Promise.allSettled(queues.values());
    const closing = open.map((result) =>
      result.status === "fulfilled" ? closeWithin(result.value, doNothing) : Promise.resolve(),
    );
    await Promise.all([...closing, ...[...listeners].map((closeListener) => closeListener())]);
    await endsWithin(connections.close(), queueLimits.goodbyeTimeoutMs);
  };
  return {
    kind,
    describe,
    createQueue(name) {
      assertQueueName(name);
      const known = queues.get(name);
      if (known !== undefined) return known;
      const opening = openQueue(name);
      queues.set(name, opening);
      // A queue that could not be opened may be asked for again.
      opening.catch(() => queues.delete(name));
      return opening;
    },
    async createWorker(name, processor, options) {
      assertQueueName(name);
      const { settings, release } = connections.forWorker();
      const inHand = createTally();
      const worker = new Worker(
        name,
        processorOf({ processor, inHand, log }),
        { ...workerSettings, ...options, ...settings },
        connections.factory,
      );
      const handle = handleOf(worker, inHand, async () => {
        workers.delete(handle);
        await release();
      });
      workers.add(handle);
      await ready(worker, outages.report, () => handle.close(0));
      worker.run().catch(outages.report);
      return handle;
    },
    async createQueueEvents(name) {
      assertQueueName(name);
      const { settings, release } = connections.forListener();
      const listener = new QueueEvents(name, { ...listenerSettings, ...settings }, connections.factory);
      let closing: Promise<void> | undefined;
      const closeListener = (): Promise<void> => (closing ??= closeWithin(listener, release));
      listeners.add(closeListener);
      await ready(listener, outages.report, closeListener);
      listener.run().catch(outages.report);
      return listener;
    },
    async ping() {
      const startedAt = performance.now();
      await withDeadline(connections.ping(), queueLimits.commandTimeoutMs);
      return performance.now() - startedAt;
    },
    close: () => (closed ??= close()),
  };
}

type Closable = Queue | Worker | QueueEvents;

/**
 * Waits until it has its connections. One that does not get them in time is closed, or it would try for ever; its caller is
 * told at once and need not wait for that.
 */
async function ready<T extends Closable>(
  one: T,
  onError: (error: unknown) => void,
  close: () => Promise<void>,
): Promise<T> {
  // One without a listener prints to the console, or ends the process.
  const emitter: EventEmitter = one;
  emitter.on("error", onError);
  try {
    await withDeadline(one.waitUntilReady(), queueLimits.readyTimeoutMs);
    return one;
  } catch (error) {
    void close();
    throw queueFault(error);
  }
}

interface ProcessorParts<Data> {
  readonly processor: Processor<Data>;
  readonly inHand: Tally;
  readonly log: Log;
}

/** Three parameters, because BullMQ counts them: a function with fewer gets no signal. */
function processorOf<Data>({ processor, inHand, log }: ProcessorParts<Data>) {
  return async (
    entry: Entry<Data>,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<unknown> => {
    inHand.enter();
    try {
      return await processor({ entry, token: token ?? "", signal: signal ?? new AbortController().signal });
    } catch (error) {
      if (!isDirection(error)) {
        log.event("queue.entry_failed", { queue: entry.queueName, entry: entry.id, ...errorFields(error) });
      }
      throw storableFailure(error);
    } finally {
      inHand.leave();
    }
  };
}

function handleOf(worker: Worker, inHand: Tally, release: () => Promise<void>): QueueWorker {
  let closed: Promise<void> | undefined;
  const close = async (graceMs: number): Promise<void> => {
    // BullMQ's close waits for its entries and for the server, both without an end, and a second, forced one would only wait
    // for the first.
    const closing = worker.close();
    if (!(await endsWithin(inHand.empty(), graceMs))) {
      worker.cancelAllJobs("shutdown");
      await endsWithin(inHand.empty(), queueLimits.closeGraceMs);
    }
    await endsWithin(closing, queueLimits.goodbyeTimeoutMs);
    await endsWithin(release(), queueLimits.goodbyeTimeoutMs);
  };
  return { worker, close: (graceMs = queueLimits.closeGraceMs) => (closed ??= close(graceMs)) };
}

/** Closes in order if the server lets it, and cuts its own connections in any case. */
async function closeWithin(one: Queue | QueueEvents, release: () => Promise<void> | void): Promise<void> {
  await endsWithin(one.close(), queueLimits.goodbyeTimeoutMs);
  await endsWithin(Promise.resolve(release()), queueLimits.goodbyeTimeoutMs);
}

const doNothing = (): void => undefined;
