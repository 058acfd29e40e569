// The store behind the queue goes away and comes back: nobody waits for ever, nothing dies, work goes on by itself.
import { EventEmitter, once } from "node:events";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { Log } from "../../src/observe/log.ts";
import { addJobs } from "../../src/queue/entries.ts";
import type { QueueBackend, QueueBackendKind } from "../../src/queue/backend.ts";
import { startProxy } from "../support/proxy.ts";
import type { Proxy } from "../support/proxy.ts";
import { cloneDatabase, openTestBackend, queueBackends } from "../support/stores.ts";
import type { TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";

interface Outage {
  readonly proxy: Proxy;
  readonly backend: QueueBackend;
  /** Names of the events logged so far. */
  readonly events: string[];
}

const entry = (n: number) => ({ name: "ticket", id: `t-${n}`, data: { n } });

let database: TestDatabase;
beforeAll(async () => {
  database = await cloneDatabase();
});
afterAll(() => database.drop());

/** A backend whose store is behind a proxy. */
async function through(kind: QueueBackendKind, use: (outage: Outage) => Promise<void>): Promise<void> {
  const target = kind === "redis" ? inject("redisUrl") : database.url;
  const proxy = await startProxy(target);
  const events: string[] = [];
  const log: Log = { event: (name) => void events.push(name), child: () => log };
  const url = proxy.urlFor(target);
  const urls = kind === "redis" ? { redisUrl: url, postgresUrl: database.url } : { postgresUrl: url };
  const backend = await openTestBackend(kind, { ...urls, log });
  try {
    await use({ proxy, backend, events });
  } finally {
    await backend.close();
    await proxy.close();
  }
}

test.concurrent.for(queueBackends)(
  "on %s: a producer is refused in time, and the outage is two lines of log",
  (kind) =>
    through(kind, async ({ proxy, backend, events }) => {
      const queue = await backend.createQueue(`refused-${kind}`);
      await addJobs(queue, [entry(1)]);
      await proxy.refuse();
      const startedAt = performance.now();
      await expect(addJobs(queue, [entry(2)])).rejects.toMatchObject({
        code: "queue_unavailable",
        retryable: true,
      });
      await expect(backend.ping()).rejects.toMatchObject({ code: "queue_unavailable" });
      expect(performance.now() - startedAt).toBeLessThan(20_500);
      await proxy.accept();
      await waitFor("the queue to work again", () => addJobs(queue, [entry(3)]).then(() => true));
      await waitFor("the return to be logged", () => events.includes("queue.connection_restored"));
      expect(events).toEqual(["queue.backend_chosen", "queue.connection_lost", "queue.connection_restored"]);
      expect(await queue.getJob("t-3")).toBeDefined();
    }),
);

test.concurrent.for(queueBackends)(
  "on %s: a producer whose server has gone silent is refused in time",
  (kind) =>
    through(kind, async ({ proxy, backend }) => {
      const queue = await backend.createQueue(`silent-${kind}`);
      await addJobs(queue, [entry(1)]);
      proxy.pause();
      const startedAt = performance.now();
      await expect(addJobs(queue, [entry(2)])).rejects.toMatchObject({ code: "queue_unavailable" });
      expect(performance.now() - startedAt).toBeLessThan(12_000);
      proxy.resume();
      await waitFor("the queue to work again", () => addJobs(queue, [entry(3)]).then(() => true));
    }),
);

test.concurrent.for(queueBackends)(
  "on %s: a worker goes on by itself after its connections were cut and refused for a while",
  (kind) =>
    through(kind, async ({ proxy, backend }) => {
      const queue = await backend.createQueue(`worker-${kind}`);
      const seen: number[] = [];
      await backend.createWorker<{ n: number }>(
        queue.name,
        ({ entry: { data } }) => Promise.resolve(seen.push(data.n)),
        { concurrency: 2 },
      );
      await addJobs(queue, [entry(1)]);
      await waitFor("the first entry", () => seen.length === 1);
      await proxy.refuse();
      await expect(backend.ping()).rejects.toMatchObject({ code: "queue_unavailable" });
      await proxy.accept();
      await waitFor("a new entry to be stored", () => addJobs(queue, [entry(2)]).then(() => true));
      await waitFor("it to be worked on", () => seen.includes(2), { timeoutMs: 15_000 });
    }),
);

// On PostgreSQL BullMQ does not try again to finish an entry: it runs once more after its lock has ended, and its claim finds
// the work done.
test.concurrent("on redis: a result that is ready when the connection breaks still arrives", () =>
  through("redis", async ({ proxy, backend }) => {
    const queue = await backend.createQueue("result");
    const breakage = new EventEmitter();
    let runs = 0;
    const wait = async (): Promise<void> => {
      runs += 1;
      await once(breakage, "over");
    };
    await backend.createWorker(queue.name, wait, { concurrency: 1 });
    await addJobs(queue, [entry(1)]);
    await waitFor("the run", () => runs === 1);
    await proxy.refuse();
    breakage.emit("over");
    await expect(backend.ping()).rejects.toMatchObject({ code: "queue_unavailable" });
    await proxy.accept();
    const completed = async () => (await queue.getJobCounts("completed"))["completed"] === 1;
    await waitFor("the result", completed, { timeoutMs: 20_000 });
    expect(runs).toBe(1);
  }));

test.concurrent.for(queueBackends)(
  "on %s: what cannot be opened is refused in time, and closing does not hang",
  (kind) =>
    through(kind, async ({ proxy, backend }) => {
      await backend.createQueue(`before-${kind}`);
      await proxy.refuse();
      const opening = [
        backend.createQueue(`during-${kind}`),
        backend.createWorker(`during-${kind}`, () => Promise.resolve(null), { concurrency: 1 }),
        backend.createQueueEvents(`during-${kind}`),
      ];
      const ends = await Promise.allSettled(opening);
      expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
      for (const end of ends) expect(end).toMatchObject({ reason: { code: "queue_unavailable" } });
      const startedAt = performance.now();
      await backend.close();
      expect(performance.now() - startedAt).toBeLessThan(9_000);
    }),
);
