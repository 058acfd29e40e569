/** The rules of `messages`: roles, non-empty content, tool calls and their results side by side. */
import { invalidRequest } from "../api-error.ts";
import { isObject, listOf, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { Model } from "../models.ts";
import { checkServerTools, continuesPaused } from "./server-tools.ts";

const messagesMax = 100_000;
const cacheBreakpointsMax = 4;
type Role = "user" | "assistant" | "system";
const isRole = (value: unknown): value is Role =>
  value === "user" || value === "assistant" || value === "system";
const userBlocks = new Set(
  "text image document tool_result search_result container_upload mid_conv_system".split(" "),
);
const callId = /^[a-zA-Z0-9_-]+$/;

export const checkConversation = (params: JsonObject, model: Model): void => {
  const messages = params["messages"];
  if (messages === undefined) throw invalidRequest("messages: Field required");
  if (!Array.isArray(messages)) throw invalidRequest("messages: Input should be a valid list");
  if (messages.length === 0) throw invalidRequest("messages: at least one message is required");
  if (messages.length > messagesMax)
    throw invalidRequest(`messages: List should have at most ${messagesMax} items`);
  let calls: readonly string[] = [];
  for (const [index, message] of (messages as unknown[]).entries()) {
    const { role, blocks } = checkMessage(message, index);
    checkToolPairs(blocks, role, { index, calls });
    calls =
      role === "assistant"
        ? blocks.filter((block) => block["type"] === "tool_use").map((block) => textOf(block["id"]))
        : [];
  }
  if (calls.length > 0) throw unanswered(messages.length - 1, calls);
  const last: unknown = messages.at(-1);
  if (isObject(last) && last["role"] === "assistant" && !model.prefill && !continuesPaused(params)) {
    throw invalidRequest(
      "This model does not support assistant message prefill. The conversation must end with a user message.",
    );
  }
  checkServerTools(params);
  checkBreakpoints(params, messages);
};

const checkMessage = (message: unknown, index: number): { role: Role; blocks: readonly JsonObject[] } => {
  if (!isObject(message))
    throw invalidRequest(
      `messages.${index}: Input should be a valid dictionary or object to extract fields from`,
    );
  const { role, content } = message;
  if (role === undefined) throw invalidRequest(`messages.${index}.role: Field required`);
  if (!isRole(role)) throw invalidRequest(`messages.${index}.role: Input should be 'user' or 'assistant'`);
  if (content === undefined) throw invalidRequest(`messages.${index}.content: Field required`);
  if (typeof content === "string") {
    if (content === "")
      throw invalidRequest(`messages.${index}: ${role} messages must have non-empty content`);
    return { role, blocks: [] };
  }
  if (!Array.isArray(content))
    throw invalidRequest(`messages.${index}.content: Input should be a valid list`);
  if (content.length === 0)
    throw invalidRequest(`messages.${index}: ${role} messages must have non-empty content`);
  const blocks = (content as unknown[]).map((block, place) =>
    checkBlock(block, role, `messages.${index}.content.${place}`),
  );
  return { role, blocks };
};

const checkBlock = (block: unknown, role: unknown, where: string): JsonObject => {
  if (!isObject(block) || typeof block["type"] !== "string")
    throw invalidRequest(`${where}.type: Field required`);
  const { type } = block;
  if (type === "text") checkText(block, where);
  if (type === "tool_use") checkCall(block, where);
  if (role === "assistant" && type === "document")
    throw invalidRequest(`${where}: document blocks are not allowed in assistant messages`);
  if (role === "user" && !userBlocks.has(type)) {
    throw invalidRequest(
      `${where}: Input tag '${type}' found using 'type' does not match any of the expected tags`,
    );
  }
  return block;
};

const checkText = (block: JsonObject, where: string): void => {
  if (typeof block["text"] !== "string") throw invalidRequest(`${where}.text.text: Field required`);
  if (block["text"] === "") throw invalidRequest("messages: text content blocks must be non-empty");
  if (block["cache_control"] !== undefined && block["text"].trim() === "")
    throw invalidRequest(`${where}: cache_control cannot be set for empty text blocks`);
};

const checkCall = (block: JsonObject, where: string): void => {
  if (!callId.test(textOf(block["id"])))
    throw invalidRequest(`${where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`);
  if (!isObject(block["input"]))
    throw invalidRequest(`${where}.tool_use.input: Input should be a valid dictionary`);
};

const checkToolPairs = (
  blocks: readonly JsonObject[],
  role: unknown,
  at: { readonly index: number; readonly calls: readonly string[] },
): void => {
  const results =
    role === "user"
      ? blocks.filter((block) => block["type"] === "tool_result").map((block) => textOf(block["tool_use_id"]))
      : [];
  const missing = at.calls.filter((id) => !results.includes(id));
  if (missing.length > 0) throw unanswered(at.index - 1, missing);
  const stray = results.find((id) => !at.calls.includes(id));
  if (stray === undefined) return;
  throw invalidRequest(
    `messages.${at.index}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
  );
};

const unanswered = (index: number, ids: readonly string[]) =>
  invalidRequest(
    `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
  );

const checkBreakpoints = (params: JsonObject, messages: readonly unknown[]): void => {
  const contents = messages.flatMap((message) => (isObject(message) ? listOf(message["content"]) : []));
  const blocks = [...listOf(params["tools"]), ...listOf(params["system"]), ...contents];
  const count = blocks.filter((block) => isObject(block) && isObject(block["cache_control"])).length;
  if (count > cacheBreakpointsMax) {
    throw invalidRequest(
      `A maximum of ${cacheBreakpointsMax} blocks with cache_control may be provided. Found ${count}.`,
    );
  }
};
