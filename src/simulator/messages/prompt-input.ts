/**
 * What a prompt holds: how many tokens, in which order (tools, system, messages: the order prefixes are cached in), and
 * which text is the data that an answer should depend on.
 */
import { hashText, mix } from "../chance.ts";
import { isObject, listOf, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { Model } from "../models.ts";
import { countTokens, countTokensOnce, overheadTokens } from "../tokenizer.ts";
import { documentTokens, imageTokens } from "./media.ts";

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
  const schema = isObject(format) ? countTokensOnce(JSON.stringify(format), model.denseTokens) : 0;
  const cached = wantsCache(params);
  if (!cached) return { tokens: fixed + schema + sum(blocksOf(params), model), prefixes: null };
  return withPrefixes(params, model, fixed + schema);
};

const sum = (blocks: readonly Block[], model: Model): number => {
  let tokens = 0;
  for (const block of blocks) tokens += blockTokens(block.value, model);
  return tokens;
};

const withPrefixes = (params: JsonObject, model: Model, fixed: number): PromptInput => {
  const blocks = blocksOf(params);
  let tokens = fixed;
  let hash = hashText(model.id);
  const prefixes = blocks.map((block, index) => {
    tokens += blockTokens(block.value, model);
    hash = mix(
      hash,
      hashText(
        JSON.stringify(isObject(block.value) ? { ...block.value, cache_control: undefined } : block.value),
      ),
    );
    const last =
      index === blocks.length - 1 && isObject(params["cache_control"]) ? params["cache_control"] : undefined;
    return {
      tokens,
      hash,
      ttl: ttlOf(isObject(block.value) ? (block.value["cache_control"] ?? last) : last),
    };
  });
  return { tokens, prefixes };
};

const ttlOf = (control: unknown): "5m" | "1h" | null => {
  if (!isObject(control)) return null;
  return control["ttl"] === "1h" ? "1h" : "5m";
};

interface Block {
  readonly role: string;
  readonly value: unknown;
}

const blocksOf = (params: JsonObject): readonly Block[] => {
  const blocks: Block[] = listOf(params["tools"]).map((value) => ({ role: "tool", value }));
  const add = (role: string, content: unknown): void => {
    if (Array.isArray(content)) for (const value of content as unknown[]) blocks.push({ role, value });
    else if (content !== undefined) blocks.push({ role, value: content });
  };
  add("system", params["system"]);
  for (const message of listOf(params["messages"]))
    if (isObject(message)) add(textOf(message["role"]), message["content"]);
  return blocks;
};

const wantsCache = (params: JsonObject): boolean =>
  isObject(params["cache_control"]) ||
  blocksOf(params).some((block) => isObject(block.value) && isObject(block.value["cache_control"]));

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
