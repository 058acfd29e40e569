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
  maxRetriesPerRequest: 3,
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
  // Worker and listener make their connections from options and close them themselves.
  const own = (): OwnConnection => ({
    connection: { prefix, connection: { url, ...consumer } },
    release: () => Promise.resolve(),
  });
  return {
    factory: createRedisBackend,
    forQueue: () => ({ prefix, connection: shared }),
    forWorker: own,
    forListener: own,
    ping: () => shared.ping(),
    onClose: () => undefined,
    close: async () => {
      // QUIT lets replies arrive; without a server there is nothing to wait for.
      if (shared.status === "ready")
        await withDeadline(shared.quit(), queueLimits.closeTimeoutMs).catch(() => undefined);
      shared.disconnect();
    },
  };
}
