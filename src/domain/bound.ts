// The most tokens a request can be charged for, known before it is sent. Budgets hold money by it, so it has to be sound, not
// tight: no tokenizer the provider may use, now or later, yields more.
//
//   input   No tokenizer makes two tokens of one byte, so bytes bound tokens. Which bytes: the serialised request (escapes only
//           add), in the form sent or in the form NFKC makes of it, whichever is larger, since a tokenizer may normalise first and
//           NFKC can grow a text elevenfold. To that comes what the provider adds around it: a fixed overhead per feature.
//   images  Charged by size in pixels, not by bytes: the documented maximum per image instead of its base64 text.
//   PDF     Each page is charged as text and as image and no maximum per document is documented. What is documented: a prompt
//           beyond the model's window is refused unbilled. So one window, whatever the number of documents.
//   output  `max_tokens`, a hard limit that includes thinking.
//
// Content without a bound (fetched by URL, stored as a file, produced by a server tool, or of a type not known here) is found by
// `inspectContent` and refused as unbounded_cost unless the job type declares a maximum.

import { isRecord } from "./json-value.ts";

/** Tokens the provider adds to any request: role markers and framing. */
export const baseOverheadTokens = 64;
/** Tokens of the hidden system prompt for client tools. Documented at 290 to 804 by model; generous on purpose. */
export const toolsOverheadTokens = 1_200;
/** Tokens of the hidden instructions that come with a structured output format. */
export const formatOverheadTokens = 600;
/** Tokens of one image. The documented maximum is 4,784 at the highest native resolution; padding and framing included here. */
export const imageTokensMax = 5_000;
/** What a message adds besides its own bytes; turns are few, framing may be several tokens each. */
export const turnOverheadTokens = 8;

/** UTF-8 bytes of a text. */
export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/**
 * Bytes of a text as sent or after NFKC, whichever is more. Sums over parts are sound where each part begins and ends with an
 * ASCII character that composes with nothing (a quote, a brace): normalisation never reaches across such a border, and a sum of
 * maxima is at least the maximum of the sums.
 */
export function boundBytes(text: string): number {
  const bytes = utf8Bytes(text);
  // Only ASCII has as many bytes as characters, and NFKC leaves ASCII alone.
  if (bytes === text.length) return bytes;
  return Math.max(bytes, utf8Bytes(text.replace(letterEscape, String.raw`\"`).normalize("NFKC")));
}

// The letter of an escape (the n of \n) would compose with a combining mark that follows it, and make the serialised form
// shorter than the text it stands for. A quote in its place composes with nothing and has as many bytes.
const letterEscape = /\\[bfnrt]/g;

/** What a request contains that its bytes alone do not bound. */
export interface ContentReport {
  readonly images: number;
  readonly documents: number;
  /** Characters of base64 text, which are charged as images or documents and not as bytes. */
  readonly base64Chars: number;
  readonly cacheWrite: "none" | "5m" | "1h";
  /** Where something without a bound stands, and what it is. */
  readonly unbounded: readonly { readonly path: string; readonly what: string }[];
}

/** The bound of a request that has been looked through, in input tokens. */
export function inputTokensBound(
  params: Readonly<Record<string, unknown>>,
  report: ContentReport,
  model: { textBytes: number; contextTokens: number },
): number {
  const turns = Array.isArray(params["messages"]) ? params["messages"].length : 0;
  return (
    model.textBytes -
    report.base64Chars +
    baseOverheadTokens +
    turns * turnOverheadTokens +
    (params["tools"] === undefined ? 0 : toolsOverheadTokens) +
    (isRecord(params["output_config"]) && params["output_config"]["format"] !== undefined
      ? formatOverheadTokens
      : 0) +
    report.images * imageTokensMax +
    (report.documents > 0 ? model.contextTokens : 0)
  );
}

interface Findings {
  images: number;
  documents: number;
  base64Chars: number;
  cacheWrite: "none" | "5m" | "1h";
  unbounded: { path: string; what: string }[];
}

/** Looks through Messages parameters of any shape, valid or not. Nesting has been bounded before. */
export function inspectContent(params: Readonly<Record<string, unknown>>): ContentReport {
  const found: Findings = { images: 0, documents: 0, base64Chars: 0, cacheWrite: "none", unbounded: [] };
  noteCacheControl(params, found);
  for (const name of ["mcp_servers", "container", "context_management"]) {
    if (params[name] !== undefined) found.unbounded.push({ path: name, what: name });
  }
  inspectBlocks(params["system"], "system", found);
  list(params["messages"]).forEach((message, index) => {
    if (isRecord(message)) inspectBlocks(message["content"], `messages.${index}.content`, found);
  });
  list(params["tools"]).forEach((tool, index) => inspectTool(tool, `tools.${index}`, found));
  return found;
}

function inspectBlocks(content: unknown, path: string, found: Findings): void {
  list(content).forEach((block, index) => {
    if (isRecord(block)) inspectBlock(block, `${path}.${index}`, found);
  });
}

function inspectBlock(block: Record<string, unknown>, path: string, found: Findings): void {
  noteCacheControl(block, found);
  switch (block["type"]) {
    case "text":
    case "tool_use":
    case "thinking":
    case "redacted_thinking":
      return;
    case "tool_result":
      inspectBlocks(block["content"], `${path}.content`, found);
      return;
    case "image":
    case "document":
      inspectSource(block["type"], block["source"], `${path}.source`, found);
      return;
    default:
      // The type itself is the caller's text and stays out of the reason.
      found.unbounded.push({ path: `${path}.type`, what: "a content block of this type" });
  }
}

function inspectSource(kind: "image" | "document", source: unknown, path: string, found: Findings): void {
  const { type, data, content } = isRecord(source) ? source : {};
  if (type === "base64" && typeof data === "string") {
    found.base64Chars += data.length;
    if (kind === "image") found.images += 1;
    else found.documents += 1;
  } else if (kind === "document" && type === "content") inspectBlocks(content, `${path}.content`, found);
  else if (kind === "image" || type !== "text") found.unbounded.push({ path, what: sourceWord(type) });
}

function sourceWord(type: unknown): string {
  return type === "url" || type === "file" ? `a ${type} source` : "a source of this type";
}

function inspectTool(tool: unknown, path: string, found: Findings): void {
  if (!isRecord(tool)) return;
  noteCacheControl(tool, found);
  if (tool["type"] !== undefined && tool["type"] !== "custom") {
    found.unbounded.push({ path: `${path}.type`, what: "a tool that is not the caller's own" });
  }
}

function noteCacheControl(holder: Readonly<Record<string, unknown>>, found: Findings): void {
  const control = holder["cache_control"];
  if (!isRecord(control)) return;
  if (control["ttl"] === "1h") found.cacheWrite = "1h";
  else if (found.cacheWrite === "none") found.cacheWrite = "5m";
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
