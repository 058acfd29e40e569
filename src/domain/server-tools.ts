// What a request may be charged for beside its tokens. A bound in tokens bounds the bill only where nothing else is on it, so this is
// a closed world: tools and parameters whose price is in the bound are listed, and whatever is not listed here is refused as
// unbounded_cost, also where a job type declares its input tokens.
//
//   web search       a fee for each use, in no lane discounted. The number of uses must be bounded: `max_uses` of the tool, which
//                    holds for one API request, so for one attempt.
//   web fetch, tool search, MCP, tools that the caller runs  tokens only
//   code execution   charged by the time of its container, which no usage reports: refused
//   advisor          another model, at its own price: refused
//   speed            fast mode multiplies every price: refused
//   context edits    those that clear cost nothing; those that summarise are further calls, in no usage: refused

import { isRecord } from "./json-value.ts";

const searchTool = /^web_search_\d{8}$/;
const fetchTool = /^web_fetch_\d{8}$/;
/** Charged by their tokens alone. */
const tokenTool =
  /^(bash|text_editor|computer|computer_toolset|browser_toolset|memory|mcp_toolset|tool_search_tool_regex|tool_search_tool_bm25)(_\d{8})?$/;

/** Parameters that are charged by tokens alone, or whose price factor is in the bound (`cache_control`, `inference_geo`). */
const pricedParameters = new Set(
  (
    "model max_tokens messages system stop_sequences stream temperature top_p top_k tools tool_choice thinking output_config metadata " +
    "service_tier inference_geo cache_control context_management mcp_servers diagnostics user_profile_id speed"
  ).split(" "),
);

/** What tools and parameters add to the bill. */
export interface Fees {
  /** Web searches one attempt may be charged for. */
  readonly webSearchesMax: number;
  /** Uses of tools that the provider runs; null: not bounded. */
  readonly serverToolUsesMax: number | null;
  /** What no bound covers, whatever is declared: where it stands, and what it is. */
  readonly unpriced: readonly { readonly path: string; readonly what: string }[];
}

export function inspectFees(params: Readonly<Record<string, unknown>>): Fees {
  const unpriced = [...unpricedParameters(params)];
  let webSearchesMax = 0;
  let serverToolUsesMax: number | null = 0;
  for (const [index, tool] of toolsOf(params).entries()) {
    const type = isRecord(tool) ? tool["type"] : undefined;
    if (!isRecord(tool) || type === undefined || type === "custom") continue;
    const [uses, path] = [usesOf(tool), `tools.${index}`];
    if (isServerTool(type)) serverToolUsesMax = sum(serverToolUsesMax, uses);
    if (!matches(type, searchTool)) {
      if (!matches(type, fetchTool) && !matches(type, tokenTool))
        unpriced.push({ path: `${path}.type`, what: "a tool whose fees are not known" });
    } else if (uses === null)
      unpriced.push({ path: `${path}.max_uses`, what: "a web search without max_uses" });
    else webSearchesMax += uses;
  }
  return { webSearchesMax, serverToolUsesMax, unpriced };
}

/**
 * The parameters with `max_uses` on every server tool that has none. Each gets the whole number, so two of them are above it together.
 * 0 is no `max_uses` the provider takes: such a tool stays open and is refused.
 */
export function limitUses(
  params: Record<string, unknown>,
  usesMax: number | undefined,
): Record<string, unknown> {
  const tools = toolsOf(params);
  if (usesMax === undefined || usesMax === 0 || !tools.some(isOpen)) return params;
  return {
    ...params,
    tools: tools.map((tool) => (isOpen(tool) ? Object.assign({}, tool, { max_uses: usesMax }) : tool)),
  };
}

/** A server tool whose uses nothing bounds. */
const isOpen = (tool: unknown): boolean =>
  isRecord(tool) && isServerTool(tool["type"]) && (tool["max_uses"] ?? null) === null;

/** Whether a turn holds the use of a tool that the provider runs: only such a turn can be continued. */
export const usesServerTool = (content: readonly unknown[]): boolean =>
  content.some(
    (block) => isRecord(block) && (block["type"] === "server_tool_use" || block["type"] === "mcp_tool_use"),
  );

/** Turns of the model with a tool call in them, whoever runs the tool. */
export function countToolRounds(params: Readonly<Record<string, unknown>>): number {
  const messages: unknown = params["messages"];
  if (!Array.isArray(messages)) return 0;
  return messages.filter(
    (message: unknown) =>
      isRecord(message) &&
      message["role"] === "assistant" &&
      Array.isArray(message["content"]) &&
      (usesServerTool(message["content"]) ||
        message["content"].some((block: unknown) => isRecord(block) && block["type"] === "tool_use")),
  ).length;
}

function* unpricedParameters(params: Readonly<Record<string, unknown>>): Generator<Fees["unpriced"][number]> {
  for (const [name, value] of Object.entries(params))
    if (value !== undefined && !pricedParameters.has(name))
      yield { path: name, what: "a parameter whose price is not known" };
  const { speed, inference_geo: geo, service_tier: tier } = params;
  if (!isOneOf(speed, ["standard"])) yield { path: "speed", what: "a speed other than standard" };
  if (!isOneOf(geo, ["us", "global"]))
    yield { path: "inference_geo", what: "a region without a known price" };
  if (!isOneOf(tier, ["auto", "standard_only"]))
    yield { path: "service_tier", what: "a service tier without a known price" };
  if (!clearsOnly(params["context_management"]))
    yield { path: "context_management", what: "edits that are calls of their own" };
}

const isOneOf = (value: unknown, known: readonly string[]): boolean =>
  value === undefined || value === null || (typeof value === "string" && known.includes(value));

function clearsOnly(management: unknown): boolean {
  if (management === undefined || management === null) return true;
  const edits = isRecord(management) ? management["edits"] : undefined;
  return (
    Array.isArray(edits) &&
    edits.every((edit: unknown) => isRecord(edit) && String(edit["type"]).startsWith("clear_"))
  );
}

const toolsOf = (params: Readonly<Record<string, unknown>>): readonly unknown[] =>
  Array.isArray(params["tools"]) ? params["tools"] : [];
const matches = (type: unknown, pattern: RegExp): boolean => typeof type === "string" && pattern.test(type);
const isServerTool = (type: unknown): boolean => matches(type, searchTool) || matches(type, fetchTool);

/** `max_uses` as a number that bounds anything, or null. */
function usesOf(tool: Readonly<Record<string, unknown>>): number | null {
  const uses = tool["max_uses"];
  return typeof uses === "number" && Number.isSafeInteger(uses) && uses >= 0 && uses <= usesMost
    ? uses
    : null;
}

/** Far above any use; it keeps sums of fees within their columns. */
const usesMost = 1_000_000;

const sum = (so: number | null, more: number | null): number | null =>
  so === null || more === null ? null : so + more;
