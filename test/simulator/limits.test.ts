import { expect, test } from "vitest";
import { clientOf, control, failureOf, lines, minuteMs, params, simulate } from "./support.ts";

test("answers and 429s carry every rate limit header", async () => {
  const simulator = await simulate({ limits: { standard: { rpm: 2, itpm: 50_000, otpm: 9_000 } } });
  const client = clientOf(simulator);
  const { response, data } = await client.messages.create(params("Hello")).withResponse();
  const header = (name: string, from = response.headers) => from.get(`anthropic-ratelimit-${name}`);
  expect([header("requests-limit"), header("requests-remaining")]).toEqual(["2", "1"]);
  expect([header("input-tokens-limit"), header("input-tokens-remaining")]).toEqual(["50000", "50000"]);
  expect([header("output-tokens-limit"), header("output-tokens-remaining")]).toEqual(["9000", "9000"]);
  expect([header("tokens-limit"), header("tokens-remaining")]).toEqual(["9000", "9000"]);
  expect(data.usage.output_tokens).toBeGreaterThan(5);
  // One request of two a minute is back in 30 seconds; the clock stands at midnight.
  expect(header("requests-reset")).toBe("2026-11-21T00:00:30Z");
  await client.messages.create(params("Hello"));
  const error = await failureOf(client.messages.create(params("Hello")));
  expect([error.status, error.type, error.headers?.get("retry-after")]).toEqual([
    429,
    "rate_limit_error",
    "30",
  ]);
  expect(error.message).toContain("rate limit of 2 requests per minute (org: ");
  expect(header("requests-remaining", error.headers)).toBe("0");
});

test("a bucket refills continuously and a refused call takes nothing", async () => {
  const simulator = await simulate({ limits: { standard: { rpm: 60 }, bucketSeconds: 1 } });
  const client = clientOf(simulator);
  await client.messages.create(params());
  expect((await failureOf(client.messages.create(params()))).status).toBe(429);
  await simulator.advance(999);
  expect((await failureOf(client.messages.create(params()))).status).toBe(429);
  await simulator.advance(1);
  expect((await client.messages.create(params())).type).toBe("message");
});

test("input is limited without cache reads, which are given back", async () => {
  const simulator = await simulate({ limits: { standard: { itpm: 6_000 } } });
  const client = clientOf(simulator);
  const system = [
    {
      type: "text" as const,
      text: "All about cards and fees and limits. ".repeat(400),
      cache_control: { type: "ephemeral" as const },
    },
  ];
  const first = await client.messages.create(params("Hello", { system }));
  expect(first.usage.cache_creation_input_tokens).toBeGreaterThan(3_000);
  expect((await failureOf(client.messages.create(params("Hello", { system })))).message).toContain(
    "6,000 input tokens per minute",
  );
  await simulator.advance(minuteMs);
  await client.messages.create(params("Hello", { system }));
  // The read was estimated as input and then given back, so the same fits again at once.
  expect((await client.messages.create(params("Hello", { system }))).usage.cache_read_input_tokens).toBe(
    first.usage.cache_creation_input_tokens,
  );
});

test("output is counted when it is there: max_tokens plays no part, and the level may go below zero", async () => {
  const simulator = await simulate({ limits: { standard: { otpm: 10 } } });
  const client = clientOf(simulator);
  await client.messages.create(params("Hello", { max_tokens: 64_000 }));
  const error = await failureOf(client.messages.create(params("Hello")));
  expect(error.message).toContain("10 output tokens per minute");
  expect(Number(error.headers?.get("retry-after"))).toBeGreaterThan(30);
});

test("models of one family share a pool, other pools and other keys' pools do not differ", async () => {
  const simulator = await simulate({ limits: { standard: { rpm: 1 } } });
  const create = (model: string, key?: string) =>
    clientOf(simulator, key).messages.create(params("Hello", { model }));
  await create("claude-opus-4-8");
  expect((await failureOf(create("claude-opus-4-6"))).status).toBe(429);
  expect((await failureOf(create("claude-opus-4-8", "sk-ant-another"))).status).toBe(429);
  expect((await create("claude-opus-5")).type).toBe("message");
});

test("the batch endpoints share a request limit of their own", async () => {
  const simulator = await simulate({ limits: { batchRpm: 2 } });
  const client = clientOf(simulator);
  const { id } = await client.messages.batches.create({ requests: lines(1) });
  const poll = await client.messages.batches.retrieve(id).withResponse();
  expect(poll.response.headers.get("anthropic-ratelimit-requests-limit")).toBe("2");
  expect((await failureOf(client.messages.batches.list())).status).toBe(429);
  expect((await client.messages.create(params())).type).toBe("message");
});

test("a full processing queue refuses a batch until one has ended", async () => {
  const simulator = await simulate({ limits: { batchQueueMax: 10 } });
  const client = clientOf(simulator);
  await client.messages.batches.create({ requests: lines(8) });
  const error = await failureOf(client.messages.batches.create({ requests: lines(3) }));
  expect([error.status, error.type]).toEqual([429, "rate_limit_error"]);
  expect(error.message).toContain("10 batch requests in the processing queue");
  await simulator.advance(20 * minuteMs);
  expect((await client.messages.batches.create({ requests: lines(3) })).type).toBe("message_batch");
});

test("limits change while it runs", async () => {
  const simulator = await simulate();
  await control(simulator, "limits", { pools: { "haiku-5-5": { rpm: 1 } } });
  await clientOf(simulator).messages.create(params());
  expect((await failureOf(clientOf(simulator).messages.create(params()))).message).toContain(
    "1 requests per minute",
  );
  expect(await control(simulator, "limits")).toMatchObject({ levels: { "haiku-5-5": { requests: 0 } } });
});
