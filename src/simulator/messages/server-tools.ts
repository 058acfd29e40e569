/**
 * Tools the provider runs itself, as far as work on text meets them: web search. Its uses and their results stand in the answer as
 * pairs of blocks, its results are read by the model and so billed as input, and each use has a fee. A turn may pause between two
 * uses; sent back as it came, it goes on from there and ends.
 */
import { invalidRequest } from "../api-error.ts";
import { mix, unit } from "../chance.ts";
import { isObject, listOf, objectOf, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { World } from "../world.ts";
import type { AnswerContext } from "./answer-context.ts";
import { wordsOf } from "./answer-context.ts";

const serverTool = /^(web_search|web_fetch|code_execution)_\d+$/;
const searchesMost = 3;
/** What the results of one search add to the input of its request. */
const tokensPerSearch = 400;

export const isServerTool = (tool: unknown): boolean =>
  isObject(tool) && serverTool.test(textOf(tool["type"]));

/** Whether the request sends back a turn that was paused: its last turn is the model's, with a use of a server tool in it. */
export const continuesPaused = (params: JsonObject): boolean => {
  const last = listOf(params["messages"]).at(-1);
  return isObject(last) && last["role"] === "assistant" && hasServerUse(last);
};

const hasServerUse = (message: JsonObject): boolean =>
  listOf(message["content"]).some((block) => isObject(block) && block["type"] === "server_tool_use");

export interface Searches {
  readonly count: number;
  readonly blocks: readonly JsonObject[];
  /** Tokens of the results that the model reads. */
  readonly inputTokens: number;
}

const none: Searches = { count: 0, blocks: [], inputTokens: 0 };

/** The searches of an answer: some of those it may make, and one at least in a turn that is to pause. */
export const searchesOf = (
  world: World,
  context: AnswerContext,
  { params, pauses, choice }: { params: JsonObject; pauses: boolean; choice: string },
): Searches => {
  const tool = listOf(params["tools"]).find(
    (entry) => isObject(entry) && textOf(entry["type"]).startsWith("web_search"),
  );
  if (!isObject(tool) || choice === "none") return none;
  const most = typeof tool["max_uses"] === "number" ? tool["max_uses"] : searchesMost;
  const drawn = Math.floor(unit(mix(context.hash, 13)) * searchesMost);
  const count = Math.min(most, continuesPaused(params) && !pauses ? drawn : 1 + drawn);
  const blocks = Array.from({ length: count }, (_, index) => searchBlocks(world, context, index)).flat();
  return { count, blocks, inputTokens: count * tokensPerSearch };
};

const searchBlocks = (world: World, context: AnswerContext, index: number): JsonObject[] => {
  const id = world.ids.serverToolUse();
  const query = wordsOf(context).slice(0, 6).join(" ") || "news";
  const result = {
    type: "web_search_result",
    url: `https://example.org/${(context.hash + index).toString(36)}`,
    title: `About ${query}`,
    encrypted_content: Buffer.from(`${id} ${query}`).toString("base64"),
    page_age: null,
  };
  const caller = { type: "direct" };
  return [
    { type: "server_tool_use", id, name: "web_search", input: { query }, caller },
    { type: "web_search_tool_result", tool_use_id: id, content: [result], caller },
  ];
};

/** `max_uses` must be a positive number, and every result must stand in the turn of its use. */
export const checkServerTools = (params: JsonObject): void => {
  for (const [index, tool] of listOf(params["tools"]).entries()) {
    const uses = objectOf(tool)["max_uses"];
    if (!isServerTool(tool) || uses === undefined || uses === null) continue;
    if (typeof uses !== "number" || !Number.isInteger(uses) || uses < 1)
      throw invalidRequest(`tools.${index}.max_uses: Input should be greater than 0`);
  }
  for (const [index, message] of listOf(params["messages"]).entries()) {
    const blocks = listOf(objectOf(message)["content"]).filter((block) => isObject(block));
    const uses = new Set(
      blocks.filter((block) => block["type"] === "server_tool_use").map((block) => textOf(block["id"])),
    );
    const stray = blocks.find(
      (block) => block["type"] === "web_search_tool_result" && !uses.has(textOf(block["tool_use_id"])),
    );
    if (stray !== undefined)
      throw invalidRequest(
        `messages.${index}: \`web_search_tool_result\` block without its \`server_tool_use\` block: ${textOf(stray["tool_use_id"])}`,
      );
  }
};
