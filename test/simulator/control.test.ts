import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { expect, test } from "vitest";
import { z } from "zod";
import { VirtualClock } from "../../src/simulator/clock.ts";
import { clientOf, control, dayMs, lines, minuteMs, params, requestsOf, simulate } from "./support.ts";

test("the clock can be read, advanced, set and sped up, never turned back", async () => {
  const simulator = await simulate();
  const now = Date.UTC(2026, 10, 21);
  expect(await control(simulator, "clock")).toEqual({
    now: "2026-11-21T00:00:00.000Z",
    now_ms: now,
    rate: 0,
  });
  expect(await control(simulator, "clock", { advance_ms: dayMs })).toMatchObject({ now_ms: now + dayMs });
  expect(await control(simulator, "clock", { set: "2026-12-24T18:00:00Z" })).toMatchObject({
    now: "2026-12-24T18:00:00.000Z",
  });
  expect(await control(simulator, "clock", { set: "2026-12-24T17:00:00Z" })).toEqual({
    error: "set: time cannot run backwards",
  });
  expect(await control(simulator, "clock", { advance_ms: -1 })).toEqual({
    error: expect.stringContaining("advance_ms"),
  });
  expect(await control(simulator, "clock", { rate: 60 })).toMatchObject({ rate: 60 });
});

test("alarms ring in order when time jumps over them, and not when called off", () => {
  const clock = new VirtualClock(0, 0);
  const rung: string[] = [];
  clock.at(30, () => rung.push("c"));
  clock.at(10, () => rung.push("a"));
  clock.at(20, () => rung.push("b"));
  const off = clock.at(15, () => rung.push("never"));
  clock.at(1_000, () => rung.push("later"));
  off();
  clock.advance(30);
  expect([rung, clock.now()]).toEqual([["a", "b", "c"], 30]);
  clock.stop();
});

test("at rate 1 a batch ends by itself, at rate 1,000 a thousand times sooner", async () => {
  const simulator = await simulate({
    batchDurationMs: { min: 20 * minuteMs, max: 20 * minuteMs },
    clockRate: 20_000,
  });
  const client = clientOf(simulator);
  const { id } = await client.messages.batches.create({ requests: lines(20) });
  await expect
    .poll(async () => (await client.messages.batches.retrieve(id)).processing_status, {
      timeout: 5_000,
      interval: 10,
    })
    .toBe("ended");
});

test("the request log tells who called what, with retries, markers, statuses and the highest concurrency", async () => {
  const simulator = await simulate({ latencyMs: { min: 1_000, max: 1_000 } });
  const client = clientOf(simulator);
  const calls = Array.from({ length: 4 }, (_, index) =>
    client.messages.create(params("Hello", { metadata: { user_id: `job-${index}` } })),
  );
  await expect.poll(async () => (await requestsOf(simulator)).running).toBe(4);
  await simulator.advance(1_000);
  await Promise.all(calls);
  simulator.addFault({ action: "error", params: { status: 529 } });
  const retry = client.withOptions({ maxRetries: 1 }).messages.create(params("sim-marker:job-9 again"));
  await expect.poll(() => requestsOf(simulator)).toMatchObject({ total: 6, running: 1 });
  await simulator.advance(1_000);
  await retry;
  const log = await requestsOf(simulator, "?path=/v1/messages");
  expect(log.concurrency_max).toBe(4);
  expect(log.counts["POST /v1/messages"]).toEqual({ "200": 5, "529": 1 });
  expect(log.requests.map((request) => request.marker ?? "").toSorted()).toEqual([
    "job-0",
    "job-1",
    "job-2",
    "job-3",
    "job-9",
    "job-9",
  ]);
  expect(
    log.requests.slice(4).map((request) => [request.retry_count, request.status, request.fault]),
  ).toEqual([
    [0, 529, "error"],
    [1, 200, null],
  ]);
  expect(log.requests[4]?.body_hash).toBe(log.requests[5]?.body_hash);
  expect(new Set(log.requests.map((request) => request.key)).size).toBe(1);
  expect(log.tokens.output_tokens).toBeGreaterThan(0);
  const page = await requestsOf(simulator, "?since=4&limit=1");
  expect([page.requests[0]?.number, page.next]).toEqual([5, 5]);
  expect(JSON.stringify(log)).not.toContain("again");
});

test("the log is a ring", async () => {
  const simulator = await simulate({ logEntriesMax: 4 });
  for (let call = 0; call < 10; call += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await clientOf(simulator).messages.create(params());
  }
  const log = await requestsOf(simulator);
  expect(log.total).toBe(10);
  expect(log.requests.length).toBeLessThanOrEqual(5);
});

test("behaviour changes while it runs, and a wrong name or kind changes nothing", async () => {
  const simulator = await simulate();
  expect(await control(simulator, "behaviour", { counters: "moving", shares: { refusal: 1 } })).toMatchObject(
    { counters: "moving", shares: { refusal: 1, errored: 0 } },
  );
  expect((await clientOf(simulator).messages.create(params())).stop_reason).toBe("refusal");
  expect(await control(simulator, "behaviour", { conters: "moving" })).toEqual({
    error: expect.stringContaining("conters: unknown"),
  });
  expect(await control(simulator, "behaviour", { latencyMs: 5 })).toEqual({
    error: expect.stringContaining("latencyMs: must be like"),
  });
});

test("batches are summed up for a referee", async () => {
  const simulator = await simulate();
  const { id } = await clientOf(simulator).messages.batches.create({ requests: lines(3) });
  await simulator.advance(20 * minuteMs);
  expect(await control(simulator, "batches")).toMatchObject({
    batches: [
      {
        id,
        lines: 3,
        produced: 3,
        outcomes: { succeeded: 3 },
        first_custom_id: "line-0",
        billed_nano: (await simulator.totalNano()).toString(),
      },
    ],
  });
});

const script = join(import.meta.dirname, "../../scripts/simulator.ts");
const run = (...options: string[]) => spawn(process.execPath, ["--import", "tsx", script, ...options]);
const firstLine = async (stream: Readable): Promise<string> => {
  const [line]: unknown[] = await once(createInterface(stream), "line");
  return String(line);
};
const ready = z.strictObject({
  url: z.url(),
  port: z.int(),
  profile: z.literal("fast"),
  seed: z.literal(7),
  pid: z.int(),
});

test("npm run simulator prints one line when ready, serves, and ends on SIGTERM", async () => {
  const child = run(..."--port 0 --profile fast --seed 7 --latency 0 --share refusal=1 --json".split(" "));
  const { url, port, pid } = ready.parse(JSON.parse(await firstLine(child.stdout)));
  expect([url, pid]).toEqual([`http://127.0.0.1:${port}`, child.pid]);
  const message = await clientOf({ url }).messages.create(params());
  expect(message.stop_reason).toBe("refusal");
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("a wrong option is refused with what is allowed", async () => {
  const child = run("--profile", "lax");
  const exit = once(child, "exit");
  expect(await firstLine(child.stderr)).toBe("--profile: one of strict, lenient, fast");
  expect(await exit).toEqual([2, null]);
});
