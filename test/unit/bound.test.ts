import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundBytes, imageTokensMax, inspectContent, utf8Bytes } from "../../src/domain/bound.ts";
import { parseRecord } from "../../src/domain/json-value.ts";
import { loadJobTypes } from "../../src/config/job-types.ts";
import type { RenderedRequest } from "../../src/domain/rendered-request.ts";
import { measurePrompt } from "../../src/simulator/messages/prompt-input.ts";
import { findModel } from "../../src/simulator/models.ts";

const jobTypes = await loadJobTypes({ dirs: [] });

function checked(
  type: string,
  input: unknown,
  shared: Record<string, unknown> | null = null,
): RenderedRequest {
  const result = jobTypes.get(type)?.prepare(shared).check(input);
  if (result?.ok !== true) throw new Error(JSON.stringify(result));
  return result.request;
}

const nasty = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  // Characters that NFKC makes long, that compose across an escape, and escapes themselves.
  fc
    .array(
      fc.constantFrom(
        "ﷺ",
        "ﷻ",
        "㋿",
        "½",
        "ﬃ",
        "\r",
        "\n",
        "\u0323",
        "\u0304",
        "\u0301",
        "r",
        "n",
        "\\",
        '"',
        "각",
        "\u0000",
      ),
    )
    .map((parts) => parts.join("")),
);

function nfkcBytes(text: string): number {
  return utf8Bytes(text.normalize("NFKC"));
}

describe("bytes", () => {
  test("of ASCII are its characters", () => expect(boundBytes("plain text")).toBe(10));

  test("grow where NFKC makes text longer", () => {
    // One character of 3 bytes becomes 18 characters, 33 bytes with its spaces.
    expect(utf8Bytes("ﷺ")).toBe(3);
    expect(boundBytes("ﷺ")).toBe(33);
  });

  test("of a serialised text are never fewer than the text has in either form", () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const well = text.replace(/\p{Surrogate}/gu, "\ufffd");
        expect(boundBytes(JSON.stringify(well))).toBeGreaterThanOrEqual(
          Math.max(utf8Bytes(well), nfkcBytes(well)),
        );
        const twice = JSON.stringify(JSON.stringify({ text: well }));
        expect(boundBytes(twice)).toBeGreaterThanOrEqual(nfkcBytes(JSON.stringify({ text: well })));
      }),
      { numRuns: 2_000 },
    );
  });

  test("add up: the bound of the parts is at least the bound of the whole", () => {
    fc.assert(
      fc.property(nasty, nasty, (first, second) => {
        const parts = [`{"a":`, JSON.stringify(first), `,"b":`, JSON.stringify(second), "}"];
        const sum = parts.reduce((bytes, part) => bytes + boundBytes(part), 0);
        expect(sum).toBeGreaterThanOrEqual(boundBytes(parts.join("")));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** What the simulator's tokenizer, which is made to be nasty, counts for a request. */
function tokensOf(request: RenderedRequest): number {
  const model = findModel(request.model);
  if (model === undefined) throw new Error(request.model);
  return measurePrompt(parseRecord(request.params), model).tokens;
}

const image = (data: string): object => ({
  type: "image",
  source: { type: "base64", media_type: "image/png", data },
});
/** 25 pages: with their pictures just inside the smallest window. */
const pdf = {
  type: "document",
  source: {
    type: "base64",
    media_type: "application/pdf",
    data: Buffer.from("/Type /Page ".repeat(25)).toString("base64"),
  },
};

/** A message with every kind of content that has a bound, `text` in every place that takes text. */
function fullMessage(text: string, model: string, blocks: readonly object[]): object {
  const cached = { type: "text", text, cache_control: { type: "ephemeral" } };
  return {
    model,
    max_tokens: 1,
    system: text,
    tools: [{ name: "look", description: text, input_schema: { type: "object", title: text } }],
    messages: [
      { role: "user", content: [cached, ...blocks] },
      { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "look", input: { q: text } }] },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text }] }],
      },
    ],
    output_config: { format: { type: "json_schema", schema: { type: "object", title: text } } },
  };
}

describe("no adversarial tokenizer gets past the bound", () => {
  test("of classify-intent", () => {
    fc.assert(
      fc.property(nasty, nasty, (text, instructions) => {
        const request = checked("classify-intent", { text, labels: ["a", "b"], instructions });
        expect(tokensOf(request)).toBeLessThanOrEqual(request.inputTokensMax);
      }),
      { numRuns: 500 },
    );
  });

  test("of a message with every kind of content that has one", () => {
    const anyBlocks = fc.array(fc.constantFrom(image("AAAA"), pdf, { type: "text", text: "x" }), {
      maxLength: 3,
    });
    const anyModel = fc.constantFrom("claude-haiku-5-5", "claude-haiku-4-5", "claude-opus-5-5");
    fc.assert(
      fc.property(nasty, anyModel, anyBlocks, (text, model, blocks) => {
        const onePdf = blocks.filter((block, index) => block !== pdf || blocks.indexOf(pdf) === index);
        const request = checked("message", fullMessage(`x${text}`, model, onePdf));
        expect(tokensOf(request)).toBeLessThanOrEqual(request.inputTokensMax);
      }),
      { numRuns: 300 },
    );
  });
});

test("what a request costs beyond its bytes is known: images, documents, cache lifetimes", () => {
  const data = "A".repeat(1_000);
  const source = { type: "base64", media_type: "image/png", data };
  const report = inspectContent({
    system: [{ type: "text", text: "s", cache_control: { type: "ephemeral" } }],
    tools: [{ name: "a", input_schema: {}, cache_control: { type: "ephemeral", ttl: "1h" } }],
    messages: [
      { role: "user", content: [{ type: "image", source }] },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "x", content: [{ type: "image", source }] }],
      },
      {
        role: "user",
        content: [{ type: "document", source: { type: "content", content: [{ type: "image", source }] } }],
      },
      { role: "user", content: [{ type: "document", source: { ...source, media_type: "application/pdf" } }] },
    ],
  });
  expect(report).toEqual({ images: 3, documents: 1, base64Chars: 4_000, cacheWrite: "1h", unbounded: [] });
});

const boundOfImage = (data: string): number =>
  checked("message", {
    model: "claude-haiku-5-5",
    max_tokens: 1,
    messages: [{ role: "user", content: [image(data)] }],
  }).inputTokensMax;

test("an image counts as its documented maximum and not as its bytes", () => {
  expect(boundOfImage("A".repeat(400_000))).toBe(boundOfImage("AAAA"));
  expect(boundOfImage("AAAA")).toBeGreaterThanOrEqual(imageTokensMax);
  expect(boundOfImage("AAAA")).toBeLessThan(imageTokensMax + 1_000);
});

const user = (block: unknown): object => ({ messages: [{ role: "user", content: [block] }] });

describe("content without a bound is found wherever it stands", () => {
  const rows: [string, object, string][] = [
    [
      "an image by URL",
      user({ type: "image", source: { type: "url", url: "https://example.org/a.png" } }),
      "messages.0.content.0.source",
    ],
    [
      "a stored file",
      user({ type: "document", source: { type: "file", file_id: "file_1" } }),
      "messages.0.content.0.source",
    ],
    ["no source", user({ type: "image" }), "messages.0.content.0.source"],
    ["a block of tomorrow", user({ type: "hologram" }), "messages.0.content.0.type"],
    ["a search result", user({ type: "search_result" }), "messages.0.content.0.type"],
    [
      "an image by URL in a tool result",
      user({ type: "tool_result", content: [{ type: "text" }, { type: "image", source: { type: "url" } }] }),
      "messages.0.content.0.content.1.source",
    ],
    [
      "an image by URL in a document",
      user({
        type: "document",
        source: { type: "content", content: [{ type: "image", source: { type: "url" } }] },
      }),
      "messages.0.content.0.source.content.0.source",
    ],
    ["a server tool", { tools: [{ type: "web_search_20250305", name: "web_search" }] }, "tools.0.type"],
    ["an MCP server", { mcp_servers: [] }, "mcp_servers"],
    ["a container", { container: "c" }, "container"],
  ];
  test.each(rows)("%s", (_name, params, path) => {
    expect(inspectContent({ ...params }).unbounded.map((each) => each.path)).toEqual([path]);
  });
});
