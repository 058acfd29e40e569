// What BullMQ is given to connect with. Two implementations: redis-connections.ts and postgres-connections.ts.
import type { BackendFactory, ConnectionOptions, IQueueBackend, RedisQueueBackend } from "bullmq";

/** The part of BullMQ's options that says how to connect. */
export interface ConnectionSettings {
  readonly connection: ConnectionOptions;
  readonly prefix?: string;
}

/** Connections of one worker or listener, and how they end, also when the server is away. */
export interface OwnConnection {
  readonly settings: ConnectionSettings;
  readonly release: () => Promise<void>;
}

export interface Connections {
  /** BullMQ's implementation for this store. Its classes are typed for Redis and work with any. */
  readonly factory: BackendFactory<RedisQueueBackend & IQueueBackend>;
  /** Shared by all queues. Commands on it end within `commandTimeoutMs`, come what may. */
  forQueue(): ConnectionSettings;
  /** For one worker. Its commands wait for a lost server as long as it takes: a result that is ready must get there. */
  forWorker(): OwnConnection;
  /** For one event listener. */
  forListener(): OwnConnection;
  ping(): Promise<unknown>;
  close(): Promise<void>;
}
