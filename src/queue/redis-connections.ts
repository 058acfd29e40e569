// BullMQ's connections to Redis, by ioredis.
import { createRedisBackend } from "bullmq";
import { Redis } from "ioredis";
import type { RedisOptions } from "ioredis";
import type { Connections, OwnConnection } from "./connections.ts";
import { queueFault, withDeadline } from "./faults.ts";
import { queueLimits } from "./limits.ts";

const common = {
  connectTimeout: queueLimits.connectTimeoutMs,
  keepAlive: queueLimits.keepAliveMs,
  noDelay: true,
  enableReadyCheck: true,
  enableOfflineQueue: true,
  autoResendUnfulfilledCommands: true,
  retryStrategy: (times: number) =>
    Math.min(queueLimits.reconnectMinMs * 2 ** Math.min(times - 1, 10), queueLimits.reconnectMaxMs),
} satisfies RedisOptions;

/**
 * Producers: bounded twice. The command timeout ends the wait at a server that took the command and says nothing; the retries
 * empty the queue of commands held back while there is no connection, which would otherwise grow for as long as an outage
 * lasts and then enqueue hours of stale entries.
 */
const producer = {
  ...common,
  commandTimeout: queueLimits.commandTimeoutMs,
  maxRetriesPerRequest: 1,
};

/** Workers and listeners: wait for the server as long as it takes, but notice within `socketTimeout` that it went silent. */
const consumer = {
  ...common,
  maxRetriesPerRequest: null,
  socketTimeout: queueLimits.socketTimeoutMs,
};

/** Connects the shared producer. Throws queue_unavailable when it does not get through in time. */
export async function connectRedis(
  url: string,
  prefix: string,
  onError: (error: unknown) => void,
): Promise<Connections> {
  const shared = new Redis(url, producer);
  shared.on("error", onError);
  // Every queue adds three listeners to the one connection.
  shared.setMaxListeners(0);
  try {
    await withDeadline(shared.ping(), queueLimits.readyTimeoutMs);
  } catch (error) {
    shared.disconnect();
    throw queueFault(error);
  }
  return {
    factory: createRedisBackend,
    forQueue: () => ({ prefix, connection: shared }),
    forWorker: () => ownConnection(url, prefix, false),
    // BullMQ connects a copy of what a listener is given; the original need not connect.
    forListener: () => ownConnection(url, prefix, true),
    ping: () => shared.ping(),
    close: async () => {
      // QUIT lets replies arrive; without a server there is nothing to wait for.
      if (shared.status === "ready")
        await withDeadline(shared.quit(), queueLimits.goodbyeTimeoutMs).catch(() => undefined);
      cut(shared);
    },
  };
}

/**
 * A connection that is copied by BullMQ (for blocking reads) and remembers its copies, so that all can be cut: BullMQ's own
 * close and disconnect wait for a server that is away, and its connection would try to reach it until the process ends.
 */
class CuttableRedis extends Redis {
  readonly #copies: Redis[] = [];

  override duplicate(override?: Parameters<Redis["duplicate"]>[0]): Redis {
    const copy = super.duplicate({ ...override, lazyConnect: false });
    copy.on("error", () => undefined);
    this.#copies.push(copy);
    return copy;
  }

  cut(): void {
    for (const connection of [this, ...this.#copies]) cut(connection);
  }
}

/** One that has ended is left alone: the client would wait two seconds for its socket to close, and keep the process alive for it. */
function cut(connection: Redis): void {
  if (connection.status !== "end") connection.disconnect();
}

function ownConnection(url: string, prefix: string, lazyConnect: boolean): OwnConnection {
  const connection = new CuttableRedis(url, { ...consumer, lazyConnect });
  // BullMQ reports its errors; this one hears those that come after BullMQ has let go of it.
  connection.on("error", () => undefined);
  return { settings: { prefix, connection }, release: () => Promise.resolve(connection.cut()) };
}
