import { describe, expect, test } from "vitest";
import { z } from "zod";
import { readPlain, readStructured } from "../../src/domain/answer.ts";
import type { Answer } from "../../src/domain/answer.ts";
import { withEnvelope } from "../../src/domain/output-schema.ts";

const schema = withEnvelope(
  z.object({ label: z.enum(["a", "b"]).nullable(), place: z.object({ city: z.string() }).nullable() }),
);
const good = { label: "a", place: { city: "Bern" }, confidence: 0.5, abstained: null };

const message = (text: string, more: object = {}): object => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  content: [{ type: "text", text }],
  stop_reason: "end_turn",
  ...more,
});
const read = (raw: unknown): Answer => readStructured(raw, schema, () => null);

test("an answer that fits is a success with its envelope apart", () => {
  expect(read(message(JSON.stringify(good)))).toEqual({
    outcome: "succeeded",
    output: '{"label":"a","place":{"city":"Bern"}}',
    confidence: 0.5,
    abstained: null,
  });
});

test("a confidence too small for its column is as good as none", () => {
  const tiny = JSON.stringify(good).replace("0.5", "1e-300");
  expect(read(message(tiny))).toMatchObject({ outcome: "succeeded", confidence: 0 });
  const exact = JSON.stringify({ ...good, confidence: 0.987654 });
  expect(read(message(exact))).toMatchObject({ confidence: 0.987654 });
});

test("thinking may come first, and text in pieces", () => {
  const text = JSON.stringify(good);
  const content = [
    { type: "thinking", thinking: "{}", signature: "s" },
    { type: "text", text: text.slice(0, 9) },
    { type: "redacted_thinking", data: "x" },
    { type: "text", text: text.slice(9) },
  ];
  expect(read(message("", { content })).outcome).toBe("succeeded");
});

test("an abstention is an answer", () => {
  const answer = read(message(JSON.stringify({ ...good, label: null, abstained: "ambiguous" })));
  expect(answer).toMatchObject({ outcome: "succeeded", abstained: "ambiguous" });
});

test("a refusal keeps its category and nothing else", () => {
  const refusal = {
    content: [],
    stop_reason: "refusal",
    stop_details: { type: "refusal", category: "bio", explanation: "…" },
  };
  expect(read(message("", refusal))).toEqual({ outcome: "refused", category: "bio" });
  expect(read(message("", { stop_reason: "refusal", stop_details: null }))).toEqual({
    outcome: "refused",
    category: null,
  });
});

test("a cut answer is truncated, even if what there is would parse", () => {
  for (const stop_reason of ["max_tokens", "model_context_window_exceeded"]) {
    expect(read(message(JSON.stringify(good), { stop_reason }))).toEqual({
      outcome: "truncated",
      output: null,
    });
  }
});

describe("anything else is an invalid output, named by field and code", () => {
  const secret = "Jane Roe, 4111 1111 1111 1111";
  const rows: [string, unknown, string][] = [
    ["no message", null, "message: not a message"],
    ["no content", { stop_reason: "end_turn" }, "message: not a message"],
    ["no stop reason", { content: [], stop_reason: null }, "message: not a message"],
    ["no text", message("", { content: [] }), "output: not_json"],
    ["text that is no JSON", message(secret), "output: not_json"],
    ["JSON and more", message(`${JSON.stringify(good)} ${secret}`), "output: not_json"],
    ["a list", message("[]"), "output: invalid_type"],
    ["a label of its own", message(JSON.stringify({ ...good, label: secret })), "label: invalid_value"],
    ["a field too many", message(JSON.stringify({ ...good, [secret]: 1 })), "output: unrecognized_keys"],
    ["a wrong depth", message(JSON.stringify({ ...good, place: { city: 1 } })), "place.city: invalid_type"],
    ["confidence in percent", message(JSON.stringify({ ...good, confidence: 95 })), "confidence: too_big"],
    ["no envelope", message('{"label":"a","place":null}'), "confidence: invalid_type"],
    ["a tool call", message("{}", { stop_reason: "tool_use" }), "stop_reason: tool_use"],
    ["a pause", message("{}", { stop_reason: "pause_turn" }), "stop_reason: pause_turn"],
    [
      "a stop reason of tomorrow",
      message(JSON.stringify(good), { stop_reason: secret }),
      "stop_reason: unknown",
    ],
  ];
  test.each(rows)("%s", (_name, raw, reason) => {
    expect(read(raw)).toEqual({ outcome: "invalid_output", reason });
  });
});

test("a job type may object in its own words", () => {
  const answer = readStructured(message(JSON.stringify(good)), schema, (output, { abstained }) =>
    output["label"] === "a" && abstained === null ? "label: a is forbidden" : null,
  );
  expect(answer).toEqual({ outcome: "invalid_output", reason: "label: a is forbidden" });
});

const plain = (raw: unknown, wantsJson = false): Answer => readPlain(raw, wantsJson);

describe("a plain message", () => {
  test("answers with its content and stop reason; confidence is not known", () => {
    expect(plain(message("hi"))).toEqual({
      outcome: "succeeded",
      output: '{"content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}',
      confidence: null,
      abstained: null,
    });
  });

  test("may call a tool", () => {
    const content = [{ type: "tool_use", id: "toolu_1", name: "look", input: {} }];
    expect(plain(message("", { content, stop_reason: "tool_use" })).outcome).toBe("succeeded");
  });

  test("keeps what it has when it was cut", () => {
    expect(plain(message("hal", { stop_reason: "max_tokens" }))).toEqual({
      outcome: "truncated",
      output: '{"content":[{"type":"text","text":"hal"}],"stop_reason":"max_tokens"}',
    });
  });

  test("has to be JSON where JSON was asked for", () => {
    expect(plain(message("{}"), true).outcome).toBe("succeeded");
    expect(plain(message("{"), true)).toEqual({ outcome: "invalid_output", reason: "content: not_json" });
  });

  test("does not pause, and does not stop for reasons not known here", () => {
    expect(plain(message("", { stop_reason: "pause_turn" }))).toMatchObject({ outcome: "invalid_output" });
    expect(plain(message("x", { stop_reason: "new" }))).toMatchObject({ outcome: "invalid_output" });
  });
});
