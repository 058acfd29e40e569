// The SDK's own contract cases for batches, messages and models (its api-resources tests), ported to 1.11.0: fixed ids that never
// existed, dummy values, every optional parameter set. They pass against the lenient profile.
import Anthropic from "@anthropic-ai/sdk";
import { beforeAll, expect, test } from "vitest";
import type { Simulator } from "../../src/simulator/server.ts";
import { simulate } from "./support.ts";

let client: Anthropic;
let simulator: Simulator;
beforeAll(async () => {
  simulator = await simulate({ profile: "lenient" });
  client = new Anthropic({ apiKey: "my-anthropic-api-key", baseURL: simulator.url, maxRetries: 0 });
});

const messageParams = {
  max_tokens: 1024,
  messages: [{ content: [{ text: "x", type: "text" as const }], role: "user" as const }],
  model: "claude-opus-4-6" as const,
};
const fullParams = {
  ...messageParams,
  cache_control: { type: "ephemeral" as const, ttl: "5m" as const },
  container: "container",
  inference_geo: "inference_geo",
  metadata: { user_id: "13803d75-b4b5-4c3e-b2a2-6f21399b021b" },
  output_config: { effort: "low" as const, format: { schema: { foo: "bar" }, type: "json_schema" as const } },
  service_tier: "auto" as const,
  stop_sequences: ["string"],
  system: [
    {
      text: "Today's date is 2024-06-01.",
      type: "text" as const,
      cache_control: { type: "ephemeral" as const, ttl: "5m" as const },
    },
  ],
  thinking: { type: "adaptive" as const, display: "summarized" as const },
  tool_choice: { type: "auto" as const, disable_parallel_tool_use: true },
  tools: [
    {
      input_schema: {
        type: "object" as const,
        properties: { location: "bar", unit: "bar" },
        required: ["location"],
      },
      name: "name",
      description: "Get the current weather",
    },
  ],
};
const requests = [{ custom_id: "my-custom-id-1", params: messageParams }];
const unknownPath = { path: "/_stainless_unknown_path" } as object;

test("every answer is an ordinary 200 with its data", async () => {
  const promise = client.messages.batches.create({ requests });
  const raw = await promise.asResponse();
  const data = await promise;
  const both = await client.messages.batches.create({ requests }).withResponse();
  expect(raw).toBeInstanceOf(Response);
  expect(data).not.toBeInstanceOf(Response);
  expect([both.data.type, both.response.status]).toEqual(["message_batch", 200]);
});

test.each<[string, () => PromiseLike<unknown>, object]>([
  [
    "batches.create",
    () => client.messages.batches.create({ requests: [{ custom_id: "my-custom-id-1", params: fullParams }] }),
    { type: "message_batch" },
  ],
  [
    "batches.retrieve",
    () => client.messages.batches.retrieve("message_batch_id"),
    { id: "message_batch_id", type: "message_batch" },
  ],
  ["batches.list", () => client.messages.batches.list(), { has_more: false }],
  ["batches.list with parameters", () => client.messages.batches.list({ limit: 1 }), {}],
  [
    "batches.delete",
    () => client.messages.batches.delete("message_batch_id"),
    { id: "message_batch_id", type: "message_batch_deleted" },
  ],
  [
    "batches.cancel",
    () => client.messages.batches.cancel("message_batch_id"),
    { id: "message_batch_id", type: "message_batch" },
  ],
  [
    "batches with a workspace",
    () => client.messages.batches.retrieve("message_batch_id", { workspace_id: "workspace_id" }),
    { type: "message_batch" },
  ],
  ["messages.create", () => client.messages.create(messageParams), { type: "message", role: "assistant" }],
  ["messages.create with everything", () => client.messages.create(fullParams), { type: "message" }],
  [
    "messages.countTokens",
    () => client.messages.countTokens({ messages: messageParams.messages, model: "claude-opus-4-6" }),
    { input_tokens: expect.any(Number) },
  ],
  ["models.retrieve", () => client.models.retrieve("model_id"), { id: "model_id", type: "model" }],
  ["models.list", () => client.models.list(), { data: expect.any(Array) }],
  ["models.list with parameters", () => client.models.list({ limit: 1 }), {}],
  [
    "beta batches.create",
    () => client.beta.messages.batches.create({ requests, betas: ["message-batches-2024-09-24"] }),
    { type: "message_batch" },
  ],
  [
    "beta batches.retrieve",
    () =>
      client.beta.messages.batches.retrieve("message_batch_id", { betas: ["message-batches-2024-09-24"] }),
    { type: "message_batch" },
  ],
  [
    "beta messages.create",
    () => client.beta.messages.create({ ...messageParams, betas: ["message-batches-2024-09-24"] }),
    { type: "message" },
  ],
  ["beta models.retrieve", () => client.beta.models.retrieve("model_id"), { type: "model" }],
])("%s", async (_name, call, expected) => {
  expect(await call()).toMatchObject(expected);
});

test("results of an id that never existed are one canned row", async () => {
  const rows: unknown[] = [];
  for await (const row of await client.messages.batches.results("message_batch_id")) rows.push(row);
  expect(rows).toEqual([{ custom_id: "my-custom-id-1", result: { type: "canceled" } }]);
});

test.each<[string, () => PromiseLike<unknown>]>([
  ["batches.retrieve", () => client.messages.batches.retrieve("message_batch_id", {}, unknownPath)],
  ["batches.list", () => client.messages.batches.list({ limit: 1 }, unknownPath)],
  ["batches.cancel", () => client.messages.batches.cancel("message_batch_id", {}, unknownPath)],
  ["models.retrieve", () => client.models.retrieve("model_id", {}, unknownPath)],
  ["models.list", () => client.models.list({}, unknownPath)],
])("an unknown path is 404: %s", async (_name, call) => {
  await expect(call()).rejects.toThrow(Anthropic.NotFoundError);
});

test("any key and no key will do", async () => {
  const bare = await fetch(`${simulator.url}/v1/models`);
  expect(bare.status).toBe(200);
});
