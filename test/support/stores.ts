// Stores for tests: a database of its own for each, cloned from a migrated one, and a key prefix of its own on the one Redis.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { silentLog } from "../../src/observe/log.ts";
import type { Log } from "../../src/observe/log.ts";
import { openQueueBackend } from "../../src/queue/backend.ts";
import type { QueueBackend, QueueBackendKind } from "../../src/queue/backend.ts";

/** For `describe.each`: what has to hold whatever the queue runs on. */
export const queueBackends: readonly QueueBackendKind[] = ["redis", "postgres"];

export interface TestDatabase {
  readonly url: string;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

/** A migrated database with nothing in it. Drop it in `afterAll`; the end of the run takes what is left. */
export async function cloneDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${inject("templateDatabase")}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = name;
  return { url: url.href, drop: () => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** The run's Redis, and a prefix that nobody else has. */
export function redisFor(test: string): { readonly url: string; readonly prefix: string } {
  const word = test
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 20);
  return { url: inject("redisUrl"), prefix: `t-${word}-${randomBytes(4).toString("hex")}` };
}

interface TestBackendOptions {
  /** The database whose schema `bullmq` holds the queue, when it is on PostgreSQL; also through a proxy. */
  readonly postgresUrl: string;
  /** Another way to the Redis, such as a proxy. */
  readonly redisUrl?: string;
  readonly prefix?: string;
  readonly log?: Log;
}

/** A queue backend of that kind. Two with the same prefix (or database) share their queues, as two processes would. */
export function openTestBackend(kind: QueueBackendKind, options: TestBackendOptions): Promise<QueueBackend> {
  const { url, prefix } = redisFor("queue");
  const redis =
    kind === "redis"
      ? { kind: "external", url: options.redisUrl ?? url, describe: "the test's Redis" }
      : { kind: "none" as const, describe: "no Redis wanted" };
  return openQueueBackend({
    redis,
    postgresUrl: options.postgresUrl,
    prefix: options.prefix ?? prefix,
    log: options.log ?? silentLog,
  });
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
