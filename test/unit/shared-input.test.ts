import { describe, expect, test } from "vitest";
import { loadJobTypes } from "../../src/config/job-types.ts";
import type { CompiledJobType } from "../../src/domain/compile-job-type.ts";

const jobTypes = await loadJobTypes({ dirs: [] });

function typeOf(name: string): CompiledJobType {
  const type = jobTypes.get(name);
  if (type === undefined) throw new Error(name);
  return type;
}

const classify = typeOf("classify-intent");
const labels = ["refund", "delivery", "other"];
const shared = classify.prepare({ labels });

test("what a bulk shares is not repeated in a line's stored input and renders the same", () => {
  const alone = classify.prepare(null).check({ text: "Where is it?", labels });
  const line = shared.check({ text: "Where is it?" });
  if (!alone.ok || !line.ok) throw new Error("refused");
  expect(line.input).toBe('{"text":"Where is it?"}');
  expect(line.request).toEqual(alone.request);
});

test("a line may override what is shared, and only that line does", () => {
  const own = shared.check({ text: "x", labels: ["yes", "no"] });
  const next = shared.check({ text: "x" });
  if (!own.ok || !next.ok) throw new Error("refused");
  expect(own.input).toBe('{"text":"x","labels":["yes","no"]}');
  expect(own.request.params).toContain("- yes\\n- no");
  expect(own.request.params).not.toContain("refund");
  expect(next.request.params).toContain("- refund\\n- delivery");
});

function message(label: string): object {
  return {
    content: [{ type: "text", text: JSON.stringify({ label, confidence: 1, abstained: null }) }],
    stop_reason: "end_turn",
  };
}

test("an answer is read with the labels of its own line", () => {
  const own = '{"text":"x","labels":["yes","no"]}';
  expect(shared.readAnswer(own, message("yes")).outcome).toBe("succeeded");
  expect(shared.readAnswer(own, message("refund")).outcome).toBe("invalid_output");
  expect(shared.readAnswer('{"text":"x"}', message("refund")).outcome).toBe("succeeded");
});

test("rendering a stored input gives the bytes that were checked, every time", () => {
  const line = shared.check({ text: 'naïve ﷺ \u0000 \ud800 "quoted"' });
  if (!line.ok) throw new Error("refused");
  for (const jobs of [shared, classify.prepare({ labels })])
    expect(jobs.render(line.input, 1)).toEqual(line.request);
  expect(Buffer.byteLength(line.request.params)).toBe(line.request.bytes);
});

describe("shared input is refused", () => {
  const rows: [string, unknown, string, string][] = [
    ["when it is no object", [], "", "must be an object"],
    ["when a field is each line's own", { text: "x" }, "text", "cannot be shared by the jobs of a bulk"],
    ["when there is no such field", { label: [] }, "label", "cannot be shared by the jobs of a bulk"],
    ["when a value does not fit", { labels: ["only"] }, "labels", "must have at least 2 items"],
    ["deep inside", { labels: ["a", 5] }, "labels.1", "must be of type string"],
    [
      "when a name is dangerous",
      JSON.parse('{"__proto__":1}'),
      "__proto__",
      "cannot be shared by the jobs of a bulk",
    ],
  ];
  test.each(rows)("%s", (_name, value, field, reason) => {
    expect(classify.checkShared(value)).toEqual({
      ok: false,
      errors: [{ field, code: "invalid_input", reason }],
    });
  });
  test("and nothing is prepared from it", () => {
    expect(() => classify.prepare({ text: "x" })).toThrow("not accepted");
  });
});

test("accepted shared input is stored in canonical form", () => {
  expect(classify.checkShared({ labels: ["a\ud800", "b"] })).toEqual({
    ok: true,
    shared: '{"labels":["a\ufffd","b"]}',
  });
});

describe("an input is refused by field and reason, never with its content", () => {
  const secret = "jane.roe@example.org";
  const rows: [string, unknown, { field: string; reason: string }[]][] = [
    ["no object", secret, [{ field: "", reason: "must be an object" }]],
    ["nothing", null, [{ field: "", reason: "must be an object" }]],
    ["a missing field", {}, [{ field: "text", reason: "is required" }]],
    ["a wrong type", { text: [secret] }, [{ field: "text", reason: "must be of type string" }]],
    ["a field too many", { text: "x", txet: secret }, [{ field: "txet", reason: "is not a known field" }]],
    [
      "a field whose name is content",
      { text: "x", [secret]: 1 },
      [{ field: "*", reason: "is not a known field" }],
    ],
    [
      "too much text",
      { text: "x".repeat(20_001) },
      [{ field: "text", reason: "must have at most 20000 characters" }],
    ],
    [
      "labels that would break the list",
      { text: "x", labels: ["a", "b\nc"] },
      [{ field: "labels.1", reason: "must be one line without spaces around it" }],
    ],
    [
      "a label twice",
      { text: "x", labels: ["a", "a"] },
      [{ field: "labels", reason: "must not name a label twice" }],
    ],
  ];
  test.each(rows)("%s", (_name, input, errors) => {
    const result = shared.check(input);
    expect(result).toEqual({
      ok: false,
      errors: errors.map(({ field, reason }) => ({ field, code: "invalid_input", reason })),
    });
    expect(JSON.stringify(result)).not.toContain(secret);
  });

  test("nesting that would overflow a stack", () => {
    const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) as unknown;
    expect(shared.check({ text: deep })).toMatchObject({
      ok: false,
      errors: [{ reason: "is nested deeper than 64 levels" }],
    });
  });
});
