/**
 * What a prompt holds: how many tokens, in which order (tools, system, messages: the order prefixes are cached in), and
 * which text is the data that an answer should depend on.
 */
import { hashText, mix } from "../chance.ts";
import { isObject, listOf, objectOf, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { Model } from "../models.ts";
import { countTokens, countTokensOnce, overheadTokens } from "../tokenizer.ts";
import { documentTokens, imageTokens } from "./media.ts";
import { schemaTokens } from "./schema.ts";

export interface PromptInput {
  readonly tokens: number;
  /** Null when nothing asks for caching. */
  readonly prefixes: readonly Prefix[] | null;
}

/** The prompt up to the end of one block. */
export interface Prefix {
  readonly tokens: number;
  readonly hash: number;
  readonly ttl: "5m" | "1h" | null;
}

/** Tokens of the whole prompt, never more than the bytes of the request plus the fixed overheads. */
export const measurePrompt = (params: JsonObject, model: Model): PromptInput => {
  const tools = listOf(params["tools"]);
  const format = isObject(params["output_config"]) ? params["output_config"]["format"] : undefined;
  const fixed =
    overheadTokens.request +
    (tools.length > 0 ? overheadTokens.tools : 0) +
    (isObject(format) ? overheadTokens.outputFormat : 0);
  const schema = isObject(format)
    ? schemaTokens(objectOf(format["schema"]), model.denseTokens) + formatTokens
    : 0;
  const blocks = blocksOf(params);
  if (isObject(params["cache_control"]) || blocks.some(isBreakpoint)) {
    return withPrefixes(blocks, { model, fixed: fixed + schema, last: params["cache_control"] });
  }
  let tokens = fixed + schema;
  for (const block of blocks) tokens += blockTokens(block, model);
  return { tokens, prefixes: null };
};

/** `{"type":"json_schema","schema":…}` around the schema itself. */
const formatTokens = 8;

const isBreakpoint = (block: unknown): boolean => isObject(block) && isObject(block["cache_control"]);

interface Frame {
  readonly model: Model;
  readonly fixed: number;
  /** The top-level cache_control: a breakpoint at the last block. */
  readonly last: unknown;
}

const withPrefixes = (blocks: readonly unknown[], frame: Frame): PromptInput => {
  let tokens = frame.fixed;
  let hash = hashText(frame.model.id);
  const prefixes = blocks.map((block, index) => {
    tokens += blockTokens(block, frame.model);
    hash = mix(
      hash,
      hashText(JSON.stringify(isObject(block) ? { ...block, cache_control: undefined } : block)),
    );
    const own = isObject(block) ? block["cache_control"] : undefined;
    return { tokens, hash, ttl: ttlOf(own ?? (index === blocks.length - 1 ? frame.last : undefined)) };
  });
  return { tokens, prefixes };
};

const ttlOf = (control: unknown): "5m" | "1h" | null => {
  if (!isObject(control)) return null;
  return control["ttl"] === "1h" ? "1h" : "5m";
};

/** All content blocks in the order prefixes are cached in; a plain string counts as one. */
const blocksOf = (params: JsonObject): readonly unknown[] => {
  const blocks: unknown[] = [...listOf(params["tools"])];
  const add = (content: unknown): void => {
    if (Array.isArray(content)) for (const block of content as unknown[]) blocks.push(block);
    else if (content !== undefined) blocks.push(content);
  };
  add(params["system"]);
  for (const message of listOf(params["messages"])) if (isObject(message)) add(message["content"]);
  return blocks;
};

const blockTokens = (value: unknown, model: Model): number => {
  const dense = model.denseTokens;
  if (typeof value === "string") return countTokens(value, dense);
  if (!isObject(value)) return 0;
  switch (value["type"]) {
    case "text":
      return countTokens(textOf(value["text"]), dense);
    case "tool_result":
      return contentTokens(value["content"], model) + 4;
    case "tool_use":
      return countTokens(textOf(value["name"]) + JSON.stringify(value["input"] ?? {}), dense) + 8;
    case "image":
      return imageTokens(value["source"], dense);
    case "document":
      return documentTokens(value["source"], model);
    default:
      return countTokensOnce(JSON.stringify(value), dense);
  }
};

const contentTokens = (content: unknown, model: Model): number => {
  if (!Array.isArray(content)) return countTokens(textOf(content), model.denseTokens);
  let tokens = 0;
  for (const block of content as unknown[]) tokens += blockTokens(block, model);
  return tokens;
};

/** Texts of one content, joined. */
const textsOf = (content: unknown, type: string): string => {
  if (typeof content === "string") return type === "text" ? content : "";
  return listOf(content)
    .map((block) =>
      isObject(block) && block["type"] === type
        ? textOf(block["text"]) || textsOf(block["content"], "text")
        : "",
    )
    .filter((text) => text !== "")
    .join("\n");
};

/** The text an answer is about: the last tool results, else the last thing a user said. */
export const dataText = (params: JsonObject): string => {
  const messages = listOf(params["messages"]);
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index];
    if (!isObject(message) || message["role"] !== "user") continue;
    const results = textsOf(message["content"], "tool_result");
    const text = results === "" ? textsOf(message["content"], "text") : results;
    if (text !== "") return text;
  }
  return "";
};

/** Everything that is not data: where a label list may stand when the schema has none. */
export const instructionText = (params: JsonObject): string =>
  [
    textsOf(params["system"], "text"),
    ...listOf(params["messages"]).map((message) =>
      isObject(message) ? textsOf(message["content"], "text") : "",
    ),
  ].join("\n");
