// oxlint-disable no-await-in-loop -- stores are opened and closed one after the other
// What the rest of Sluice relies on, the same on both backends.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { QueueBackend } from "../../src/queue/backend.ts";
import { addJobs, postpone } from "../../src/queue/entries.ts";
import type { Entry } from "../../src/queue/entries.ts";
import { ServiceError } from "../../src/domain/errors.ts";
import { cloneDatabase, openTestBackend, queueBackends } from "../support/stores.ts";
import type { TestDatabase } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";

interface Ticket {
  readonly n: number;
}

const tickets = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => ({ name: "ticket", id: `t-${from + n}`, data: { n: from + n } }));

const open = new Map<string, { readonly database: TestDatabase; readonly backend: QueueBackend }>();
let queueNo = 0;
const newName = (): string => `queue-${(queueNo += 1)}`;

beforeAll(async () => {
  for (const kind of queueBackends) {
    const database = await cloneDatabase();
    open.set(kind, { database, backend: await openTestBackend(kind, { postgresUrl: database.url }) });
  }
});
afterAll(async () => {
  for (const { backend, database } of open.values()) {
    await backend.close();
    await database.drop();
  }
});

function on(kind: string): { readonly database: TestDatabase; readonly backend: QueueBackend } {
  const opened = open.get(kind);
  if (opened === undefined) throw new Error(`${kind} is not open`);
  return opened;
}

function collector() {
  const seen: Ticket[] = [];
  const collect = ({ entry }: { entry: Entry<Ticket> }): Promise<null> => {
    seen.push(entry.data);
    return Promise.resolve(null);
  };
  return { seen, collect };
}

test.for(queueBackends)("on %s: says which store it is and answers a ping", async (kind) => {
  const { backend } = on(kind);
  expect(backend.kind).toBe(kind);
  expect(backend.describe).toContain(kind === "redis" ? "Redis" : "PostgreSQL");
  expect(await backend.ping()).toBeGreaterThan(0);
});

test.for(queueBackends)("on %s: entries added in chunks are worked on once each, in order", async (kind) => {
  const { backend } = on(kind);
  const name = newName();
  const queue = await backend.createQueue(name);
  await addJobs(queue, tickets(1_203));
  const { seen, collect } = collector();
  const { close } = await backend.createWorker(name, collect, { concurrency: 1 });
  await waitFor("1203 entries", () => seen.length === 1_203, { timeoutMs: 20_000 });
  expect(seen.map(({ n }) => n)).toEqual(tickets(1_203).map(({ data }) => data.n));
  await close();
  const counts = await queue.getJobCounts();
  expect(counts).toMatchObject({ waiting: 0, active: 0, failed: 0 });
  // The board's window: the last thousand and no more.
  expect(counts["completed"]).toBe(1_000);
});

test.for(queueBackends)(
  "on %s: a known id is ignored without an error, so every dispatch needs its own",
  async (kind) => {
    const { backend } = on(kind);
    const queue = await backend.createQueue(newName());
    await addJobs(queue, [{ name: "first", id: "same", data: { n: 1 } }]);
    await addJobs(queue, [{ name: "second", id: "same", data: { n: 2 } }]);
    expect(await queue.getJobCounts("waiting")).toEqual({ waiting: 1 });
    expect((await queue.getJob("same"))?.data).toEqual({ n: 1 });
  },
);

test.for(queueBackends)(
  "on %s: an id that BullMQ would misread is refused before anything is written",
  async (kind) => {
    const { backend } = on(kind);
    const queue = await backend.createQueue(newName());
    for (const id of ["a:b", "17", "", "é"]) {
      const adding = addJobs(queue, [...tickets(2), { name: "bad", id, data: { n: 0 } }]);
      await expect(adding).rejects.toThrow("not an entry id");
    }
    expect(await queue.getJobCounts("waiting")).toEqual({ waiting: 0 });
  },
);

test.for(queueBackends)("on %s: a queue's name with a colon is refused", (kind) => {
  const { backend } = on(kind);
  expect(() => backend.createQueue("a:b")).toThrow("not a queue name");
});

test.for(queueBackends)("on %s: the same name is the same queue", async (kind) => {
  const { backend } = on(kind);
  const name = newName();
  expect(await backend.createQueue(name)).toBe(await backend.createQueue(name));
});

test.for(queueBackends)(
  "on %s: a delayed entry waits its time and then wakes an idle worker",
  async (kind) => {
    const { backend } = on(kind);
    const name = newName();
    const queue = await backend.createQueue(name);
    const { seen, collect } = collector();
    const { close } = await backend.createWorker(name, collect, { concurrency: 1 });
    const startedAt = performance.now();
    await addJobs(queue, [{ name: "later", id: "later", data: { n: 1 }, delayMs: 400 }]);
    expect(await queue.getJobCounts("delayed")).toEqual({ delayed: 1 });
    await waitFor("the delayed entry", () => seen.length === 1);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(390);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    await close();
  },
);

test.for(queueBackends)(
  "on %s: an idle worker is woken by a new entry, not by its next look",
  async (kind) => {
    const { backend } = on(kind);
    const name = newName();
    const queue = await backend.createQueue(name);
    const { seen, collect } = collector();
    const { close } = await backend.createWorker(name, collect, { concurrency: 1 });
    await addJobs(queue, [{ name: "warm", id: "warm", data: { n: 0 } }]);
    await waitFor("the first entry", () => seen.length === 1);
    const startedAt = performance.now();
    await addJobs(queue, [{ name: "wake", id: "wake", data: { n: 1 } }]);
    await waitFor("the second entry", () => seen.length === 2);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await close();
  },
);

test.for(queueBackends)("on %s: progress is stored and heard by a listener", async (kind) => {
  const { backend } = on(kind);
  const name = newName();
  const queue = await backend.createQueue(name);
  const listener = await backend.createQueueEvents(name);
  const heard: unknown[] = [];
  listener.on("progress", ({ data }) => heard.push(data));
  const { close } = await backend.createWorker<Ticket>(
    name,
    ({ entry }) => entry.updateProgress({ done: 3, total: 9 }),
    { concurrency: 1 },
  );
  await addJobs(queue, tickets(1));
  await waitFor("the progress event", () => heard.length > 0);
  expect(heard).toEqual([{ done: 3, total: 9 }]);
  expect((await queue.getJob("t-0"))?.progress).toEqual({ done: 3, total: 9 });
  await close();
});

test.for(queueBackends)(
  "on %s: a paused queue hands out nothing, others go on, and resume wakes it",
  async (kind) => {
    const { backend } = on(kind);
    const paused = await backend.createQueue(newName());
    const other = await backend.createQueue(newName());
    await paused.pause();
    expect(await paused.isPaused()).toBe(true);
    const { seen, collect } = collector();
    const workers = await Promise.all(
      [paused, other].map(({ name }) => backend.createWorker(name, collect, { concurrency: 1 })),
    );
    await addJobs(paused, tickets(1, 100));
    await addJobs(other, tickets(1, 200));
    await waitFor("the other queue's entry", () => seen.length > 0);
    expect(seen).toEqual([{ n: 200 }]);
    await paused.resume();
    await waitFor("the paused queue's entry", () => seen.length === 2);
    await Promise.all(workers.map((worker) => worker.close()));
  },
);

test.for(queueBackends)(
  "on %s: a failure stores a code and never what the processor was given",
  async (kind) => {
    const { backend } = on(kind);
    const name = newName();
    const queue = await backend.createQueue(name);
    const failures = [
      new ServiceError("internal", { detail: "Ada Lovelace" }),
      new RangeError("Ada Lovelace"),
    ];
    const { close } = await backend.createWorker<Ticket>(
      name,
      ({ entry }) => Promise.reject(failures[entry.data.n] ?? new Error("none")),
      { concurrency: 1 },
    );
    await addJobs(queue, tickets(2));
    await waitFor("both failures", async () => (await queue.getJobCounts("failed"))["failed"] === 2);
    const failed = await queue.getFailed();
    expect(failed.map(({ failedReason }) => failedReason).toSorted()).toEqual([
      "RangeError",
      "internal: Something is broken inside Sluice.",
    ]);
    expect(JSON.stringify(failed.map((entry) => entry.toJSON()))).not.toContain("Ada");
    await close();
  },
);

test.for(queueBackends)(
  "on %s: an entry sent back with a delay runs again and is no failure",
  async (kind) => {
    const { backend } = on(kind);
    const name = newName();
    const queue = await backend.createQueue(name);
    let runs = 0;
    const { close } = await backend.createWorker<Ticket>(
      name,
      (work) => {
        runs += 1;
        return runs === 1 ? postpone(work, Date.now() + 50) : Promise.resolve(null);
      },
      { concurrency: 1 },
    );
    await addJobs(queue, tickets(1));
    await waitFor("the second run", async () => (await queue.getJobCounts("completed"))["completed"] === 1);
    expect(runs).toBe(2);
    expect(await queue.getJobCounts("failed")).toEqual({ failed: 0 });
    await close();
  },
);

test.for(queueBackends)("on %s: closing a worker aborts what does not end within its grace", async (kind) => {
  const { backend } = on(kind);
  const name = newName();
  const queue = await backend.createQueue(name);
  let started = 0;
  let aborted = 0;
  const { close } = await backend.createWorker<Ticket>(
    name,
    ({ signal }) =>
      new Promise((resolve) => {
        started += 1;
        signal.addEventListener("abort", () => {
          aborted += 1;
          resolve(null);
        });
      }),
    { concurrency: 2 },
  );
  await addJobs(queue, tickets(3));
  await waitFor("two entries in hand", () => started === 2);
  await close(100);
  expect({ started, aborted }).toEqual({ started: 2, aborted: 2 });
});

test.for(queueBackends)("on %s: two backends on the same store share their queues", async (kind) => {
  const { database } = on(kind);
  const shared = { postgresUrl: database.url, prefix: "shared" };
  const [one, two] = await Promise.all([openTestBackend(kind, shared), openTestBackend(kind, shared)]);
  const name = newName();
  const { seen, collect } = collector();
  await two.createWorker(name, collect, { concurrency: 5 });
  await addJobs(await one.createQueue(name), tickets(20));
  await waitFor("20 entries", () => seen.length === 20);
  expect(seen.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(tickets(20).map(({ data }) => data.n));
  await Promise.all([one.close(), two.close()]);
});
