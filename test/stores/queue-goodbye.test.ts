// What a closed backend leaves behind in its process: nothing, or a process that has said goodbye would stay on.
import { expect, test } from "vitest";
import { addJobs } from "../../src/queue/entries.ts";
import { cloneDatabase, openTestBackend, queueBackends } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";

/** What keeps this process alive: timers and connections. */
const kept = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === "Timeout" || kind === "TCPSocketWrap").length;

test.for(queueBackends)("on %s: once it is closed nothing of it keeps the process alive", async (kind) => {
  const database = await cloneDatabase();
  const before = kept();
  const backend = await openTestBackend(kind, { postgresUrl: database.url });
  let worked = 0;
  await backend.createWorker("last", () => Promise.resolve((worked += 1)), { concurrency: 2 });
  await backend.createQueueEvents("last");
  await addJobs(await backend.createQueue("last"), [{ name: "ticket", id: "t-1", data: {} }]);
  await waitFor("the entry", () => worked === 1);
  expect(kept()).toBeGreaterThan(before);
  await backend.close();
  // Sooner than the two seconds a client would wait for the sockets of connections that have ended.
  await waitFor("the process to be free", () => kept() <= before, { timeoutMs: 1_200, everyMs: 20 });
  await database.drop();
});
