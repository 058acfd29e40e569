import { describe, expect, test } from "vitest";
import { loadJobTypes } from "../../src/config/job-types.ts";
import type { CheckedInput, PreparedJobs } from "../../src/domain/prepared-jobs.ts";

const type = (await loadJobTypes({ dirs: [] })).get("message");
if (type === undefined) throw new Error("message");
const jobs: PreparedJobs = type.prepare(null);

const minimal = { model: "claude-haiku-5-5", max_tokens: 100, messages: [{ role: "user", content: "Hi" }] };
const check = (more: object): CheckedInput => jobs.check({ ...minimal, ...more });
const look = { name: "look", input_schema: { type: "object", properties: { q: { type: "string" } } } };

test("parameters are passed on as they are, in an order of our own", () => {
  const input = {
    messages: [
      {
        role: "user",
        content: [{ type: "text", text: "Hi", cache_control: { type: "ephemeral", ttl: "1h" } }],
      },
      { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "look", input: { q: "x" } }] },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "t1", content: "found", is_error: false }],
      },
    ],
    stop_sequences: ["END"],
    max_tokens: 5_000,
    output_config: { effort: "low", format: { type: "json_schema", schema: { type: "object" } } },
    tools: [look],
    tool_choice: { type: "auto", disable_parallel_tool_use: true },
    thinking: { type: "adaptive" },
    system: [{ type: "text", text: "Be brief." }],
    model: "claude-haiku-5-5",
    inference_geo: "global",
  };
  const reversed = Object.fromEntries(Object.entries(input).toReversed());
  const checked = jobs.check(input);
  if (!checked.ok) throw new Error(JSON.stringify(checked.errors));
  expect(JSON.parse(checked.request.params)).toEqual(input);
  expect(jobs.check(reversed)).toMatchObject({ request: { params: checked.request.params } });
  expect(checked.request).toMatchObject({
    outputTokensMax: 5_000,
    traits: { cacheWrite: "1h", mayRunInUs: false },
    batchable: true,
  });
});

test("the region is unknown unless the request or the model settles it", () => {
  expect(check({})).toMatchObject({ request: { traits: { cacheWrite: "none", mayRunInUs: true } } });
  expect(check({ inference_geo: "us" })).toMatchObject({ request: { traits: { mayRunInUs: true } } });
  expect(check({ model: "claude-haiku-4-5" })).toMatchObject({ request: { traits: { mayRunInUs: false } } });
});

test("a bulk may share everything but the messages", () => {
  const { messages, ...rest } = minimal;
  const sharing = type.prepare({ ...rest, system: "Be brief." }).check({ messages });
  if (!sharing.ok) throw new Error(JSON.stringify(sharing.errors));
  expect(sharing.input).toBe('{"messages":[{"role":"user","content":"Hi"}]}');
  expect(JSON.parse(sharing.request.params)).toEqual({ ...minimal, system: "Be brief." });
  expect(type.checkShared({ messages })).toMatchObject({ ok: false });
});

describe("what has no bound is refused as that, whatever else is wrong", () => {
  const rows: [string, object, string][] = [
    [
      "an image by URL",
      { messages: [{ role: "user", content: [{ type: "image", source: { type: "url", url: "x" } }] }] },
      "messages.0.content.0.source",
    ],
    ["a server tool", { tools: [{ type: "web_search_20250305", name: "web_search" }] }, "tools.0.type"],
    ["an MCP server", { mcp_servers: [] }, "mcp_servers"],
    [
      "an unknown block",
      { messages: [{ role: "user", content: [{ type: "container_upload" }] }] },
      "messages.0.content.0.type",
    ],
    ["a typo beside it", { temprature: 1, tools: [{ type: "bash_20250124", name: "bash" }] }, "tools.0.type"],
  ];
  test.each(rows)("%s", (_name, more, field) => {
    expect(check(more)).toMatchObject({ ok: false, errors: [{ field, code: "unbounded_cost" }] });
  });
});

const prefill = { messages: [...minimal.messages, { role: "assistant", content: "{" }] };
const breakpoint = { type: "text", text: "x", cache_control: { type: "ephemeral" } };
const refused: [string, object, string, string][] = [
  ["an unknown model", { model: "claude-next" }, "model", "has no known price"],
  ["a sampling parameter", { temperature: 1 }, "temperature", "is not a known field"],
  ["a stream", { stream: true }, "stream", "is not a known field"],
  ["no tokens", { max_tokens: 0 }, "max_tokens", "must be at least 1"],
  [
    "more than the model gives",
    { max_tokens: 128_001 },
    "max_tokens",
    "must be at most 128000 for claude-haiku-5-5",
  ],
  ["no messages", { messages: [] }, "messages", "must have at least 1 items"],
  [
    "blank text",
    { messages: [{ role: "user", content: " \n" }] },
    "messages.0.content",
    "must have text other than white space",
  ],
  [
    "a blank block",
    { messages: [{ role: "user", content: [{ type: "text", text: "" }] }] },
    "messages.0.content.0.text",
    "must have text other than white space",
  ],
  [
    "broken base64",
    {
      messages: [
        {
          role: "user",
          content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "?" } }],
        },
      ],
    },
    "messages.0.content.0.source.data",
    "must be a valid base64",
  ],
  ["a prefilled answer", prefill, "messages", "must end with a user turn for claude-haiku-5-5"],
  [
    "an assistant who begins",
    { messages: prefill.messages.toReversed() },
    "messages",
    "must begin with a user turn",
  ],
  ["a choice without tools", { tool_choice: { type: "auto" } }, "tool_choice", "needs tools"],
  [
    "a forced tool",
    { model: "claude-opus-5-5", tools: [look], tool_choice: { type: "any" } },
    "tool_choice.type",
    "must be auto or none for claude-opus-5-5",
  ],
  [
    "thinking off where it cannot be",
    { model: "claude-opus-5-5", thinking: { type: "disabled" } },
    "thinking.type",
    "must be one of adaptive for claude-opus-5-5",
  ],
  [
    "a budget on a new model",
    { max_tokens: 9_000, thinking: { type: "enabled", budget_tokens: 2_000 } },
    "thinking.type",
    "must be one of adaptive, disabled for claude-haiku-5-5",
  ],
  [
    "a budget above the answer",
    { model: "claude-haiku-4-5", max_tokens: 1_024, thinking: { type: "enabled", budget_tokens: 1_024 } },
    "thinking.budget_tokens",
    "must be less than max_tokens",
  ],
  [
    "much effort without thinking",
    { thinking: { type: "disabled" }, output_config: { effort: "max" } },
    "output_config.effort",
    "must be at most high with thinking disabled",
  ],
  [
    "a region on an old model",
    { model: "claude-haiku-4-5", inference_geo: "us" },
    "inference_geo",
    "is not taken by claude-haiku-4-5",
  ],
  [
    "five breakpoints",
    { messages: [{ role: "user", content: Array.from({ length: 5 }, () => breakpoint) }] },
    "",
    "must have at most 4 cache_control breakpoints",
  ],
];

describe("what the provider would answer with a 400 is refused here", () => {
  test.each(refused)("%s", (_name, more, field, reason) => {
    const result = check(more);
    expect(result).toMatchObject({ ok: false });
    expect(result.ok ? [] : result.errors).toContainEqual(expect.objectContaining({ field, reason }));
  });
  test("an unknown model is named as what it is: without a price", () => {
    expect(check({ model: "claude-next" })).toMatchObject({ errors: [{ code: "price_unknown" }] });
  });
});

test("what an older model does take is accepted", () => {
  expect(check({ model: "claude-haiku-4-5-20251001", messages: prefill.messages }).ok).toBe(true);
  expect(check({ model: "claude-sonnet-5-5", thinking: { type: "between_tools" } }).ok).toBe(true);
});

test("a request larger than the provider takes is refused with both sizes", () => {
  const result = check({ system: "x".repeat(31_999_990) });
  expect(result).toMatchObject({ ok: false, errors: [{ field: "" }] });
  expect(result.ok ? "" : result.errors[0]?.reason).toMatch(
    /^makes a request of 3\d{7} bytes; the provider takes 32000000$/,
  );
});

const message = (text: string): object => ({ content: [{ type: "text", text }], stop_reason: "end_turn" });

test("an answer in the format that was asked for has to be JSON", () => {
  const format = { output_config: { format: { type: "json_schema", schema: { type: "object" } } } };
  const checked = check(format);
  if (!checked.ok) throw new Error("refused");
  expect(jobs.readAnswer(checked.input, message("{}")).outcome).toBe("succeeded");
  expect(jobs.readAnswer(checked.input, message("Sorry"))).toEqual({
    outcome: "invalid_output",
    reason: "content: not_json",
  });
});
