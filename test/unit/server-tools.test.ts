// What is on a bill beside tokens is in the bound, or the work is refused.
import { describe, expect, test } from "vitest";
import { loadJobTypes } from "../../src/config/job-types.ts";
import type { Caps } from "../../src/domain/caps.ts";
import { parseRecord } from "../../src/domain/json-value.ts";
import { buildPlainRequest } from "../../src/domain/plain-request.ts";
import { priceAt, worstCostNanoUsd } from "../../src/domain/price.ts";
import { countToolRounds } from "../../src/domain/server-tools.ts";
import { webJobsDir } from "../support/web-jobs.ts";

const plain = {
  model: "claude-haiku-5-5",
  max_tokens: 300,
  messages: [{ role: "user", content: "Who won?" }],
};
const declared = { inputTokensMax: 5_000 };
const search = (more: object = {}) => ({ type: "web_search_20250305", name: "web_search", ...more });

const fieldsOf = (more: object, how: object = declared): string[] => {
  const built = buildPlainRequest({ ...plain, ...more }, 1, how);
  return built.ok ? [] : built.errors.map(({ field, code }) => `${code} ${field}`);
};

describe("refused as unbounded_cost, whatever the job type declares", () => {
  const rows: [string, object, string][] = [
    ["fast mode", { speed: "fast" }, "speed"],
    ["a web search without max_uses", { tools: [search()] }, "tools.0.max_uses"],
    ["a web search with a broken max_uses", { tools: [search({ max_uses: 1.5 })] }, "tools.0.max_uses"],
    ["code execution", { tools: [{ type: "code_execution_20260521", name: "c" }] }, "tools.0.type"],
    ["another model behind a tool", { tools: [{ type: "advisor_20260301", name: "a" }] }, "tools.0.type"],
    ["a tool of tomorrow", { tools: [{ type: "oracle_20290101", name: "o" }] }, "tools.0.type"],
    ["a container", { container: "c_1" }, "container"],
    ["a region of tomorrow", { inference_geo: "mars" }, "inference_geo"],
    ["a tier of tomorrow", { service_tier: "platinum" }, "service_tier"],
    [
      "summaries of the context",
      { context_management: { edits: [{ type: "compact_20260112" }] } },
      "context_management",
    ],
    ["a parameter of tomorrow", { turbo: true }, "turbo"],
  ];
  test.each(rows)("%s", (_name, more, field) => {
    expect(fieldsOf(more)).toEqual([`unbounded_cost ${field}`]);
  });
});

test("server tools need declared input tokens too", () => {
  expect(fieldsOf({ tools: [search({ max_uses: 2 })] }, {})).toEqual(["unbounded_cost tools.0.type"]);
  expect(fieldsOf({ tools: [search({ max_uses: 2 })] })).toEqual([]);
});

test("what costs tokens alone is let through", () => {
  const tools = [
    { type: "web_fetch_20260318", name: "web_fetch" },
    { type: "bash_20250124", name: "bash" },
    { type: "memory_20250818", name: "memory" },
    { type: "tool_search_tool_regex", name: "find" },
    { type: "computer_toolset_20260801", name: "computer" },
    { type: "mcp_toolset", mcp_server_name: "tickets" },
    { type: "custom", name: "own", input_schema: {} },
    { name: "own_too", input_schema: {} },
  ];
  const params = {
    tools,
    speed: "standard",
    service_tier: "auto",
    inference_geo: "us",
    metadata: { user_id: "u" },
  };
  expect(fieldsOf(params)).toEqual([]);
  expect(fieldsOf({ context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } })).toEqual([]);
});

test("the bound of a search is its uses times the fee, in either lane", () => {
  const built = buildPlainRequest(
    { ...plain, tools: [search({ max_uses: 4 }), search({ max_uses: 1 })] },
    1,
    declared,
  );
  if (!built.ok) throw new Error(JSON.stringify(built.errors));
  const { request } = built;
  expect(request).toMatchObject({ inputTokensMax: 5_000, serverToolUses: 5, traits: { webSearchesMax: 5 } });
  const price = priceAt(request.model, Date.UTC(2026, 10, 25));
  if (price === undefined) throw new Error("no price");
  for (const lane of ["realtime", "batch"] as const) {
    const traits = { ...request.traits, webSearchesMax: 0 };
    const tokens = worstCostNanoUsd({ ...request, lane, price, traits });
    expect(worstCostNanoUsd({ ...request, lane, price }) - tokens).toBe(50_000_000n);
  }
});

test("a type's cap is written as max_uses where there is none, and the request says so", () => {
  const built = buildPlainRequest({ ...plain, tools: [search()] }, 1, { ...declared, serverToolUsesMax: 2 });
  if (!built.ok) throw new Error(JSON.stringify(built.errors));
  expect(parseRecord(built.request.params)["tools"]).toEqual([search({ max_uses: 2 })]);
  expect(built.request.traits.webSearchesMax).toBe(2);
});

test("max_uses is the cap of the bulk, whatever the type says by now", async () => {
  const type = (await loadJobTypes({ dirs: [webJobsDir] })).get("web-answer");
  const usesUnder = (caps?: Caps): unknown => {
    const checked = type?.prepare(null, caps).check({ question: "Who won?" });
    return checked?.ok === true ? checked.request.serverToolUses : checked?.errors[0]?.code;
  };
  expect(usesUnder()).toBe(3);
  expect(usesUnder({ serverToolUsesMax: 2 })).toBe(2);
  // Nothing bounds a tool that a bulk without the cap leaves open, and none may be used 0 times: there the cap is what is named.
  expect(usesUnder({})).toBe("unbounded_cost");
  expect(usesUnder({ serverToolUsesMax: 0 })).toBe("cap_exceeded");
});

describe("a request with further turns", async () => {
  const types = await loadJobTypes({ dirs: [webJobsDir] });
  const turn = JSON.stringify({
    role: "assistant",
    content: [{ type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "½ ﷺ" } }],
  });

  test.each([
    ["web-answer", { question: "Who won?" }],
    ["classify-intent", { text: "Where is my card? ½", labels: ["a", "b"] }],
    ["extract-contact", { text: "Ada Lovelace" }],
  ])("%s has them behind its own, byte for byte the same each time", (name, input) => {
    const jobs = types.get(name)?.prepare(null);
    const checked = jobs?.check(input);
    if (jobs === undefined || checked?.ok !== true) throw new Error(JSON.stringify(checked));
    const base = checked.request;
    const varied = jobs.render(checked.input, base.version, { turns: [turn, turn] });
    expect(jobs.render(checked.input, base.version, { turns: [turn, turn] }).params).toBe(varied.params);
    expect(jobs.render(checked.input, base.version, { turns: [] })).toEqual(base);
    expect(varied.bytes).toBe(Buffer.byteLength(varied.params));
    const [own, all] = [parseRecord(base.params), parseRecord(varied.params)];
    expect(all).toEqual({
      ...own,
      messages: [...(own["messages"] as unknown[]), JSON.parse(turn), JSON.parse(turn)],
    });
    expect(varied.inputTokensMax).toBeGreaterThanOrEqual(
      name === "web-answer" ? 5_000 : base.inputTokensMax + 2 * Buffer.byteLength(turn.normalize("NFKC")),
    );
    expect(countToolRounds(all) - countToolRounds(own)).toBe(2);
  });

  test("its answer is theirs and its own together", () => {
    const jobs = types.get("web-answer")?.prepare(null);
    const text = { type: "text", text: "They did." };
    const message = (stop: string) => ({ type: "message", content: [text], stop_reason: stop });
    const input = JSON.stringify({ question: "Who won?" });
    const whole = jobs?.readAnswer(input, message("end_turn"), [turn]);
    if (whole?.outcome !== "succeeded") throw new Error(JSON.stringify(whole));
    expect(parseRecord(whole.output)["content"]).toEqual([
      ...(parseRecord(turn)["content"] as unknown[]),
      text,
    ]);
    expect(jobs?.readAnswer(input, message("pause_turn"), [turn])).toMatchObject({ outcome: "paused" });
    // Nothing is paused that nobody can go on with.
    expect(jobs?.readAnswer(input, message("pause_turn"))).toMatchObject({ outcome: "invalid_output" });
  });
});
