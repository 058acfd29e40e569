// Every button of Bull Board, pressed: the table in docs/bull-board.md row by row, on both backends.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buttons } from "../../src/http/board/buttons.ts";
import { addJobs } from "../../src/queue/entries.ts";
import { seedBulk, type SeededBulk } from "../control/seed.ts";
import { queueBackends } from "../support/stores.ts";
import { waitFor } from "../support/wait.ts";
import { openBoard, type TestBoard, type Visitor } from "./browser.ts";

interface Row {
  label: string;
  method: string;
  route: string;
  here: string;
}

const rows: Row[] = readFileSync(join(import.meta.dirname, "../../docs/bull-board.md"), "utf8")
  .split("\n")
  .flatMap((line) => {
    const match = /^\| (.+?) \| `(PUT|POST|PATCH|DELETE) (\/api\S+)` \| (.+) \|$/.exec(line);
    return match === null
      ? []
      : [{ label: match[1] ?? "", method: match[2] ?? "", route: match[3] ?? "", here: match[4] ?? "" }];
  });

/** What the board answers about its queues, as far as the tests look. */
interface Listing {
  queues: { name: string; isPaused: boolean; jobs: { externalUrl: { href: string } }[] }[];
}

interface BullBoardRoutes {
  appRoutes: { api: { method: string; route: string }[] };
}

test("the table, the code and Bull Board name the same buttons", () => {
  const require = createRequire(import.meta.url);
  const { appRoutes }: BullBoardRoutes = require("@bull-board/api/dist/routes.js");
  const declared = appRoutes.api
    .filter(({ method }) => method !== "get")
    .map(({ method, route }) => `${method.toUpperCase()} ${route}`);
  expect(declared.length).toBeGreaterThan(20);
  expect(new Set(rows.map(({ method, route }) => `${method} ${route}`))).toEqual(new Set(declared));
  expect(rows.map(({ label, method, route, here }) => [label, `${method} ${route}`, here])).toEqual(
    buttons.map(({ label, route, here }) => [
      label,
      route,
      "does" in here ? here.does : `Refused: ${here.refused}`,
    ]),
  );
});

const bodies: Record<string, object> = {
  "/api/queues/:queueName/add": { name: "bulk", data: {}, options: {} },
  "/api/queues/:queueName/concurrency": { concurrency: 1 },
  "/api/queues/:queueName/rate-limit": { max: 1, duration: 1_000 },
  "/api/queues/:queueName/obliterate": { force: true },
  "/api/queues/:queueName/:jobId/update-data": { jobData: {} },
  "/api/queues/:queueName/:jobId/delay": { runAt: 1 },
  "/api/queues/:queueName/:jobId/priority": { priority: 1 },
  "/api/queues/:queueName/job-schedulers/:schedulerId": { every: 1_000 },
};

// oxlint-disable-next-line max-lines-per-function -- one suite for both backends
describe.each(queueBackends)("on %s", (kind) => {
  let board: TestBoard;
  let visitor: Visitor;
  let bulk: SeededBulk;
  let queueName: string;

  beforeAll(async () => {
    board = await openBoard(kind);
    bulk = await seedBulk(board.pool, { jobs: 1 });
    queueName = `t-${bulk.tenantId}.${bulk.queueName}`;
    await addJobs(await board.backend.createQueue(queueName), [
      { name: "bulk", id: `bulk-${bulk.bulkId}`, data: { bulkId: bulk.bulkId } },
      { name: "bulk", id: "later", data: { bulkId: bulk.bulkId }, delayMs: 3_600_000 },
    ]);
    visitor = board.visit();
    await visitor.signIn((await board.key(["operate"])).secret);
    await visitor.get("/admin/queues/api/queues");
  });
  afterAll(() => board.close());

  const pathOf = (route: string, queue = queueName): string =>
    route
      .replace(":queueName", queue)
      .replace(":jobId", "later")
      .replace(":queueStatus", "completed")
      .replace(":schedulerId", "any");
  const snapshot = async () => {
    const queue = await board.backend.createQueue(queueName);
    const entry = await queue.getJob("later");
    const limit = await queue.getGlobalRateLimit();
    return {
      counts: await queue.getJobCounts(),
      concurrency: await queue.getGlobalConcurrency(),
      limit,
      delay: entry?.delay,
      priority: entry?.priority,
      data: entry?.data,
    };
  };
  const isPaused = async (name: string): Promise<boolean> => {
    const answer: Listing = JSON.parse((await visitor.get("/admin/queues/api/queues")).text);
    const found = answer.queues.find((queue) => queue.name === name);
    if (found === undefined) throw new Error(`${name} is not shown`);
    return found.isPaused;
  };
  const flag = (scope: "global" | "queue", target: string) => board.member.flags.find("pause", scope, target);

  test.each(rows.filter(({ here }) => here.startsWith("Refused: ")))(
    "$label is refused with its reason: $method $route",
    async ({ method, route, here }) => {
      const before = await snapshot();
      const answer = await visitor.press(method, pathOf(route), bodies[route]);
      expect(answer).toEqual({
        status: 403,
        body: { error: { key: "ERRORS.FORBIDDEN" }, message: here.replace("Refused: ", "") },
      });
      expect(await snapshot()).toEqual(before);
    },
  );

  const acts: Record<string, () => Promise<void>> = {
    "PUT /api/queues/pause": async () => {
      expect((await visitor.press("PUT", "/api/queues/pause")).status).toBe(200);
      expect(flag("global", "")).toMatchObject({ setBy: "person:ada", reason: "pressed in Bull Board" });
      expect([
        await isPaused(queueName),
        await isPaused("realtime"),
        await isPaused("message-batches"),
      ]).toEqual([true, true, true]);
      expect(flag("queue", bulk.queueId)).toBeUndefined();
    },
    "PUT /api/queues/resume": async () => {
      await visitor.press("PUT", "/api/queues/pause");
      await visitor.press("PUT", `/api/queues/${queueName}/pause`);
      expect((await visitor.press("PUT", "/api/queues/resume")).status).toBe(200);
      expect(flag("global", "")).toBeUndefined();
      expect([await isPaused(queueName), await isPaused("realtime")]).toEqual([true, false]);
    },
    "PUT /api/queues/:queueName/pause": async () => {
      expect((await visitor.press("PUT", `/api/queues/${queueName}/pause`)).status).toBe(200);
      expect(flag("queue", bulk.queueId)).toMatchObject({ setBy: "person:ada", tenantId: bulk.tenantId });
      expect([await isPaused(queueName), await isPaused("realtime")]).toEqual([true, false]);
      await visitor.press("PUT", "/api/queues/message-batches/pause");
      expect(flag("global", "")).toBeDefined();
    },
    "PUT /api/queues/:queueName/resume": async () => {
      await visitor.press("PUT", `/api/queues/${queueName}/pause`);
      expect((await visitor.press("PUT", `/api/queues/${queueName}/resume`)).status).toBe(200);
      expect(await isPaused(queueName)).toBe(false);
      await visitor.press("PUT", "/api/queues/pause");
      expect(await visitor.press("PUT", `/api/queues/${queueName}/resume`)).toMatchObject({
        status: 403,
        body: { message: "Everything is paused, not this queue by itself: use Resume all." },
      });
      expect((await visitor.press("PUT", "/api/queues/realtime/resume")).status).toBe(200);
      expect(await isPaused(queueName)).toBe(false);
    },
  };

  test.each(rows.filter(({ here }) => !here.startsWith("Refused: ")))(
    "$label writes and reads the flag: $method $route",
    async ({ method, route }) => {
      await board.pool.query(
        "UPDATE flags SET lifted_at = now(), lifted_by = 'test' WHERE lifted_at IS NULL",
      );
      await board.member.flags.refresh();
      await acts[`${method} ${route}`]?.();
      expect(acts).toHaveProperty([`${method} ${route}`]);
    },
  );

  test("entries show their ids and figures, link to their own pages, and nothing else of them is shown", async () => {
    const queue = await board.backend.createQueue("realtime");
    const jobId = bulk.jobIds[0] ?? "";
    await addJobs(queue, [
      { name: "Jane Doe, born 1980", id: `${jobId}-1`, data: { jobId, dispatchNo: 1, prompt: "Jane Doe" } },
    ]);
    await queue.updateJobProgress(`${jobId}-1`, {
      done: 1,
      waitReason: "pause",
      text: "Jane Doe, born 1980",
    });
    const { text } = await visitor.get(`/admin/queues/api/queues/realtime/${jobId}-1`);
    expect(text).not.toContain("Jane");
    expect(JSON.parse(text)).toMatchObject({
      job: {
        name: "entry",
        data: { jobId, dispatchNo: 1 },
        progress: { done: 1, waitReason: "pause" },
        externalUrl: { href: `/admin/jobs/${jobId}` },
      },
    });
    const list: Listing = JSON.parse(
      (await visitor.get(`/admin/queues/api/queues?activeQueue=${queueName}`)).text,
    );
    expect(list.queues.find(({ name }) => name === queueName)?.jobs[0]?.externalUrl.href).toBe(
      `/admin/bulks/${bulk.bulkId}`,
    );
  });

  test("a queue made after the board was opened appears", async () => {
    const other = await seedBulk(board.pool, { jobs: 0 });
    const name = `t-${other.tenantId}.${other.queueName}`;
    expect(await waitFor("the queue", async () => !(await isPaused(name)))).toBe(true);
  });
});
