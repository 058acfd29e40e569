import { expect, test } from "vitest";
import {
  clientOf,
  dayMs,
  errorOf,
  failureOf,
  hourMs,
  invoiceOf,
  lines,
  minuteMs,
  rowsOf,
  simulate,
} from "./support.ts";

const twentyMinutes = { min: 20 * minuteMs, max: 20 * minuteMs };
const sum = (counts: object): number =>
  Object.values(counts).reduce((total: number, count) => total + Number(count), 0);

test("a batch runs from in_progress to ended; polls before the end carry retry-after: 10", async () => {
  const simulator = await simulate({ batchDurationMs: twentyMinutes });
  const client = clientOf(simulator);
  const made = await client.messages.batches.create({ requests: lines(10) });
  expect(made).toMatchObject({
    processing_status: "in_progress",
    results_url: null,
    ended_at: null,
    cancel_initiated_at: null,
    archived_at: null,
  });
  expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(dayMs);
  const early = await client.messages.batches.retrieve(made.id).withResponse();
  expect(early.response.headers.get("retry-after")).toBe("10");
  expect((await errorOf(fetchResults(simulator.url, made.id))).message).toContain(
    "has no available results.",
  );
  await simulator.advance(20 * minuteMs);
  const late = await client.messages.batches.retrieve(made.id).withResponse();
  expect(late.response.headers.get("retry-after")).toBeNull();
  expect(late.data).toMatchObject({
    processing_status: "ended",
    request_counts: { processing: 0, succeeded: 10, errored: 0, canceled: 0, expired: 0 },
    results_url: `${simulator.url}/v1/messages/batches/${made.id}/results`,
  });
});

const fetchResults = async (url: string, id: string): Promise<void> => {
  const response = await fetch(`${url}/v1/messages/batches/${id}/results`, {
    headers: { "x-api-key": "sk-ant-test-one", "anthropic-version": "2026-10-21" },
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
};

test.each([
  ["frozen", { processing: 10, succeeded: 0 }],
  ["moving", { processing: 5, succeeded: 5 }],
] as const)("%s counters half way through", async (counters, expected) => {
  const simulator = await simulate({ batchDurationMs: twentyMinutes, counters });
  const client = clientOf(simulator);
  const { id } = await client.messages.batches.create({ requests: lines(10) });
  await simulator.advance(12 * minuteMs + 1);
  const { request_counts: counts } = await client.messages.batches.retrieve(id);
  expect(counts).toMatchObject(expected);
  expect(sum(counts)).toBe(10);
  // Whatever the counters show, what was produced is on the bill.
  expect((await invoiceOf(simulator)).items).toBe(5);
});

test("cancelling lets some late lines succeed, bills them, and is idempotent", async () => {
  const simulator = await simulate({
    batchDurationMs: twentyMinutes,
    cancelLateShare: 0.2,
    counters: "moving",
  });
  const client = clientOf(simulator);
  const { id } = await client.messages.batches.create({ requests: lines(10) });
  await simulator.advance(12 * minuteMs + 1);
  const first = await client.messages.batches.cancel(id);
  expect(first).toMatchObject({
    processing_status: "canceling",
    request_counts: { processing: 10, canceled: 0 },
  });
  await simulator.advance(1_000);
  const second = await client.messages.batches.cancel(id);
  expect(second.cancel_initiated_at).toBe(first.cancel_initiated_at);
  await simulator.advance(25_000);
  const ended = await client.messages.batches.retrieve(id);
  expect(ended).toMatchObject({
    processing_status: "ended",
    request_counts: { processing: 0, succeeded: 6, errored: 0, canceled: 4, expired: 0 },
  });
  const rows = await rowsOf(client, id);
  expect(rows.filter((row) => row.result.type === "canceled").map((row) => Object.keys(row.result))).toEqual(
    Array.from({ length: 4 }, () => ["type"]),
  );
  expect((await invoiceOf(simulator)).by_batch[id]?.items).toBe(6);
  expect((await failureOf(client.messages.batches.cancel(id))).status).toBe(400);
});

test("what is not done 24 hours after creation expires, unbilled", async () => {
  const simulator = await simulate({ batchDurationMs: { min: 30 * hourMs, max: 30 * hourMs } });
  const client = clientOf(simulator);
  const { id, expires_at } = await client.messages.batches.create({ requests: lines(8) });
  await simulator.advance(dayMs);
  const ended = await client.messages.batches.retrieve(id);
  expect(ended.ended_at).toBe(expires_at);
  expect(ended.request_counts).toEqual({ processing: 0, succeeded: 6, errored: 0, canceled: 0, expired: 2 });
  expect(
    (await rowsOf(client, id))
      .map((row) => row.result.type)
      .toSorted()
      .slice(0, 3),
  ).toEqual(["expired", "expired", "succeeded"]);
  expect((await invoiceOf(simulator)).items).toBe(6);
});

test("results are gone 29 days after creation, the batch stays", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  const { id, created_at } = await client.messages.batches.create({ requests: lines(2) });
  await simulator.advance(29 * dayMs - 1);
  expect(await rowsOf(client, id)).toHaveLength(2);
  await simulator.advance(1);
  const archived = await client.messages.batches.retrieve(id);
  expect(Date.parse(archived.archived_at ?? "") - Date.parse(created_at)).toBe(29 * dayMs);
  expect((await failureOf(rowsOf(client, id))).status).toBe(404);
});

test("results may lag behind the end", async () => {
  const simulator = await simulate({ batchDurationMs: twentyMinutes, resultsLagMs: 2_000 });
  const client = clientOf(simulator);
  const { id } = await client.messages.batches.create({ requests: lines(2) });
  await simulator.advance(20 * minuteMs);
  expect((await failureOf(rowsOf(client, id))).status).toBe(404);
  await simulator.advance(2_000);
  expect(await rowsOf(client, id)).toHaveLength(2);
});

test("a batch can be deleted once it has ended and then does not exist", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  const { id } = await client.messages.batches.create({ requests: lines(1) });
  const early = await failureOf(client.messages.batches.delete(id));
  expect([early.status, early.message]).toEqual([
    400,
    expect.stringContaining("In progress batches cannot be deleted. Consider canceling the batch instead."),
  ]);
  await simulator.advance(20 * minuteMs);
  expect(await client.messages.batches.delete(id)).toMatchObject({ id, type: "message_batch_deleted" });
  expect((await failureOf(client.messages.batches.retrieve(id))).status).toBe(404);
  expect((await errorOf(fetchResults(simulator.url, id))).message).toContain("404");
});

test("the list is newest first and pages both ways", async () => {
  const simulator = await simulate();
  const client = clientOf(simulator);
  const ids: string[] = [];
  for (let count = 0; count < 5; count += 1) {
    // oxlint-disable-next-line no-await-in-loop -- the order of creation is the point
    ids.unshift((await client.messages.batches.create({ requests: lines(1) })).id);
  }
  const page = await client.messages.batches.list({ limit: 2 });
  expect([page.data.map((batch) => batch.id), page.has_more, page.first_id, page.last_id]).toEqual([
    ids.slice(0, 2),
    true,
    ids[0],
    ids[1],
  ]);
  const before = await client.messages.batches.list({ limit: 2, before_id: ids[3] ?? "" });
  expect([before.data.map((batch) => batch.id), before.has_more]).toEqual([[ids[1], ids[2]], true]);
  const all: string[] = [];
  for await (const batch of client.messages.batches.list({ limit: 2 })) all.push(batch.id);
  expect(all).toEqual(ids);
});

test("the list is empty with null cursors, and its limit is 1 to 100", async () => {
  const client = clientOf(await simulate());
  expect(await client.messages.batches.list()).toMatchObject({
    data: [],
    has_more: false,
    first_id: null,
    last_id: null,
  });
  expect((await failureOf(client.messages.batches.list({ limit: 0 }))).status).toBe(400);
  expect((await failureOf(client.messages.batches.list({ limit: 101 }))).status).toBe(400);
});
