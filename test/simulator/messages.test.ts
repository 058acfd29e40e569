import type Anthropic from "@anthropic-ai/sdk";
import { beforeAll, expect, test } from "vitest";
import type { Simulator } from "../../src/simulator/server.ts";
import { clientOf, failureOf, params, post, envelopeOf, simulate, textOf } from "./support.ts";

let simulator: Simulator;
let client: Anthropic;
beforeAll(async () => {
  simulator = await simulate();
  client = clientOf(simulator);
});

const cached = { type: "text", text: "Background.", cache_control: { type: "ephemeral" } };

test("a message has every field of the API, with all of usage", async () => {
  const message = await client.messages.create(params());
  expect(message).toMatchObject({
    id: expect.stringMatching(/^msg_/),
    type: "message",
    role: "assistant",
    model: "claude-haiku-5-5",
    stop_reason: "end_turn",
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
  });
  expect(message.usage).toEqual({
    input_tokens: expect.any(Number),
    output_tokens: expect.any(Number),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    output_tokens_details: { thinking_tokens: expect.any(Number) },
    server_tool_use: null,
    service_tier: "standard",
    speed: "standard",
    inference_geo: "global",
  });
});

test("the same request gets the same answer; another text or seed may get another", async () => {
  const other = clientOf(await simulate());
  const first = await client.messages.create(params("Tell me about fees"));
  const second = await other.messages.create(params("Tell me about fees"));
  expect(textOf(first)).toBe(textOf(second));
  expect(textOf(await client.messages.create(params("Tell me about limits")))).not.toBe(textOf(first));
});

test.each([
  [
    "refusal",
    {
      stop_reason: "refusal",
      content: [],
      stop_details: { type: "refusal", category: expect.any(String) },
      usage: { output_tokens: 0 },
    },
  ],
  ["pause_turn", { stop_reason: "pause_turn" }],
  ["context_exceeded", { stop_reason: "model_context_window_exceeded" }],
  ["truncate", { stop_reason: "max_tokens" }],
])("a %s fault ends the answer so", async (action, expected) => {
  const marker = `marker-${action}`;
  simulator.addFault({ action, match: { contains: marker } });
  expect(await client.messages.create(params(`A question with ${marker}`))).toMatchObject(expected);
  expect((await client.messages.create(params(`A question with ${marker}`))).stop_reason).toBe("end_turn");
});

test("too small a max_tokens truncates at exactly that many output tokens", async () => {
  const message = await client.messages.create(params("A question", { max_tokens: 5 }));
  expect([message.stop_reason, message.usage.output_tokens]).toEqual(["max_tokens", 5]);
  const warm = await client.messages.create(params("A question", { max_tokens: 0 }));
  expect([warm.content, warm.usage.output_tokens]).toEqual([[], 0]);
});

test("thinking comes first, counts as output, and is part of the breakdown", async () => {
  const message = await client.messages.create(params("Think about it", { thinking: { type: "adaptive" } }));
  expect(message.content.map((block) => block.type)).toEqual(["thinking", "text"]);
  const thought = message.usage.output_tokens_details?.thinking_tokens ?? 0;
  expect(thought).toBeGreaterThan(0);
  expect(message.usage.output_tokens).toBeGreaterThan(thought);
});

test("a stop sequence ends the answer before it", async () => {
  const whole = textOf(await client.messages.create(params("Stop here")));
  const sequence = whole.slice(20, 26);
  const message = await client.messages.create(params("Stop here", { stop_sequences: [sequence] }));
  expect([message.stop_reason, message.stop_sequence, textOf(message)]).toEqual([
    "stop_sequence",
    sequence,
    whole.slice(0, whole.indexOf(sequence)),
  ]);
});

const tool = {
  name: "look_up",
  description: "Looks up",
  input_schema: {
    type: "object" as const,
    properties: { order_id: { type: "string" } },
    required: ["order_id"],
  },
};

test("tools are called when forced, never with tool_choice none", async () => {
  const forced = await client.messages.create(
    params("Look up order AB-1234", { tools: [tool], tool_choice: { type: "any" } }),
  );
  expect(forced).toMatchObject({
    stop_reason: "tool_use",
    content: [{ type: "tool_use", name: "look_up", input: { order_id: "AB-1234" } }],
  });
  const texts = Array.from({ length: 20 }, (_, index) =>
    client.messages.create(params(`Look up ${index}`, { tools: [tool], tool_choice: { type: "none" } })),
  );
  expect(new Set((await Promise.all(texts)).map((message) => message.stop_reason))).toEqual(
    new Set(["end_turn"]),
  );
});

test("data inside a tool_result is what an answer is about", async () => {
  const messages: Anthropic.MessageParam[] = [
    { role: "user", content: "Sort the question." },
    { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "look_up", input: {} }] },
    {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: "t1", content: "The exchange rate abroad" }],
    },
  ];
  const message = await client.messages.create(
    params("", { messages, tools: [tool], tool_choice: { type: "none" } }),
  );
  expect(textOf(message)).toContain("The exchange rate abroad");
});

test.each([
  ["messages: Field required", { messages: undefined }],
  ["messages: at least one message is required", { messages: [] }],
  ["max_tokens: Field required", { max_tokens: undefined }],
  ["bogus: Extra inputs are not permitted", { bogus: 1 }],
  [
    "messages: text content blocks must be non-empty",
    { messages: [{ role: "user", content: [{ type: "text", text: "" }] }] },
  ],
  ["messages.0: user messages must have non-empty content", { messages: [{ role: "user", content: "" }] }],
  [
    "`tool_use` ids were found without `tool_result` blocks immediately after: t1",
    {
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "x", input: {} }] },
        { role: "user", content: "b" },
      ],
    },
  ],
  [
    "unexpected `tool_use_id` found in `tool_result` blocks: t9",
    { messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "t9", content: "x" }] }] },
  ],
  [
    "does not support assistant message prefill",
    {
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: "b" },
      ],
    },
  ],
  [
    'thinking.type: "enabled" is not supported',
    { thinking: { type: "enabled", budget_tokens: 2_000 }, max_tokens: 4_000 },
  ],
  [
    'thinking.type: "disabled" is not supported',
    { model: "claude-opus-5-5", thinking: { type: "disabled" } },
  ],
  [
    'tool_choice.type: "any" is not supported',
    { model: "claude-sonnet-5-5", tools: [tool], tool_choice: { type: "any" } },
  ],
  ["inference_geo: not supported", { model: "claude-haiku-4-5", inference_geo: "us" }],
  [
    "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    { system: Array.from({ length: 5 }, () => cached) },
  ],
  [
    "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
    { output_config: { format: { type: "json_schema", schema: { type: "object", properties: {} } } } },
  ],
  [
    "output_config.format.schema: For 'number' type, properties minimum, maximum are not supported",
    {
      output_config: { format: { type: "json_schema", schema: { type: "number", minimum: 0, maximum: 1 } } },
    },
  ],
])("400: %s", async (message, change) => {
  const response = await post(simulator, "/v1/messages", { ...params(), ...change });
  const body = await envelopeOf(response);
  expect([response.status, body.error.type, body.error.message]).toEqual([
    400,
    "invalid_request_error",
    expect.stringContaining(message),
  ]);
});

test("a prompt over the window is refused, prompt and max_tokens together over it are not", async () => {
  const noise = "漢".repeat(74_000);
  const error = await failureOf(client.messages.create(params(noise, { model: "claude-haiku-4-5" })));
  expect(error.message).toMatch(/prompt is too long: \d+ tokens > 200000 maximum/);
  const near = await client.messages.create(
    params("漢".repeat(69_000), { model: "claude-haiku-4-5", max_tokens: 64_000 }),
  );
  expect(near.stop_reason).toBe("end_turn");
});

test("streaming brings the events in order and the same message", async () => {
  const own = await simulate();
  const whole = await clientOf(own).messages.create(params("Stream it", { thinking: { type: "adaptive" } }));
  const types: string[] = [];
  const stream = clientOf(own).messages.stream(params("Stream it", { thinking: { type: "adaptive" } }));
  for await (const event of stream) types.push(event.type);
  const final = await stream.finalMessage();
  expect(types[0]).toBe("message_start");
  expect(types.slice(-2)).toEqual(["message_delta", "message_stop"]);
  expect(final.content).toEqual(whole.content);
  expect(final.usage.output_tokens).toBe(whole.usage.output_tokens);
});

test("an error may come in the middle of a stream, after the 200", async () => {
  simulator.addFault({ action: "stream_error", match: { contains: "break-here" }, params: { after: 4 } });
  const error = await failureOf(client.messages.stream(params("break-here please")).finalMessage());
  expect(error.message).toContain("Overloaded");
});

test("count_tokens counts what a message is billed for and has its own request limit", async () => {
  const own = await simulate({ limits: { countTokensRpm: 2 } });
  const body = { model: "claude-haiku-5-5", messages: params("Count me").messages };
  const { input_tokens } = await clientOf(own).messages.countTokens(body);
  expect((await clientOf(own).messages.create(params("Count me"))).usage.input_tokens).toBe(input_tokens);
  await clientOf(own).messages.countTokens(body);
  const third = await failureOf(clientOf(own).messages.countTokens(body));
  expect([third.status, third.type]).toEqual([429, "rate_limit_error"]);
  const server = await failureOf(
    client.messages.countTokens({ ...body, tools: [{ type: "web_search_20250305", name: "web_search" }] }),
  );
  expect(server.status).toBe(400);
});
