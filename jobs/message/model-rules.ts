// Rules between the parameters of a message and its model. Each of them is a 400 at the provider.

import type { z } from "zod";
import { isRecord } from "../../src/domain/json-value.ts";
import { findModel } from "../../src/domain/models.ts";
import type { Model } from "../../src/domain/models.ts";

interface Params {
  readonly model: string;
  readonly max_tokens: number;
  readonly messages: readonly { readonly role: string }[];
  readonly thinking?: { readonly type: string; readonly budget_tokens?: number | undefined } | undefined;
  readonly tool_choice?: { readonly type: string } | undefined;
  readonly tools?: readonly unknown[] | undefined;
  readonly output_config?: { readonly effort?: string | undefined } | undefined;
  readonly inference_geo?: string | undefined;
}

interface Problem {
  readonly path: readonly string[];
  readonly message: string;
  readonly code?: "price_unknown";
}

/** Most cache breakpoints in one request. */
const cacheBreakpointsMax = 4;

/** Adds an issue for each rule that the parameters break. */
export function checkAgainstModel(params: Params, context: z.RefinementCtx): void {
  const model = findModel(params.model);
  const problems: readonly Problem[] =
    model === undefined
      ? [{ path: ["model"], message: "has no known price", code: "price_unknown" }]
      : [
          ...modelProblems(params, model),
          ...conversationProblems(params, model),
          ...thinkingProblems(params, model),
        ];
  for (const { path, message, code } of problems) {
    context.addIssue({
      code: "custom",
      path: [...path],
      message,
      params: code === undefined ? {} : { code },
    });
  }
}

function modelProblems(params: Params, model: Model): Problem[] {
  const problems: Problem[] = [];
  if (params.max_tokens > model.outputTokensMax) {
    problems.push({
      path: ["max_tokens"],
      message: `must be at most ${model.outputTokensMax} for ${model.id}`,
    });
  }
  if (params.inference_geo !== undefined && !model.inferenceGeo) {
    problems.push({ path: ["inference_geo"], message: `is not taken by ${model.id}` });
  }
  if (countBreakpoints(params) > cacheBreakpointsMax) {
    problems.push({
      path: [],
      message: `must have at most ${cacheBreakpointsMax} cache_control breakpoints`,
    });
  }
  return problems;
}

function conversationProblems(params: Params, model: Model): Problem[] {
  const problems = toolChoiceProblems(params, model);
  if (params.messages[0]?.role !== "user")
    problems.push({ path: ["messages"], message: "must begin with a user turn" });
  if (params.messages.at(-1)?.role === "assistant" && !model.prefill) {
    problems.push({ path: ["messages"], message: `must end with a user turn for ${model.id}` });
  }
  return problems;
}

function toolChoiceProblems(params: Params, model: Model): Problem[] {
  const choice = params.tool_choice?.type;
  if (choice === undefined || choice === "none") return [];
  if (params.tools === undefined) return [{ path: ["tool_choice"], message: "needs tools" }];
  const forced = choice === "any" || choice === "tool";
  return forced && !model.forcedToolChoice
    ? [{ path: ["tool_choice", "type"], message: `must be auto or none for ${model.id}` }]
    : [];
}

function thinkingProblems(params: Params, model: Model): Problem[] {
  const { thinking } = params;
  if (thinking === undefined) return [];
  const problems: Problem[] = [];
  if (!model.thinking.some((type) => type === thinking.type)) {
    problems.push({
      path: ["thinking", "type"],
      message: `must be one of ${model.thinking.join(", ")} for ${model.id}`,
    });
  }
  if (thinking.budget_tokens !== undefined && thinking.budget_tokens >= params.max_tokens) {
    problems.push({ path: ["thinking", "budget_tokens"], message: "must be less than max_tokens" });
  }
  const effort = params.output_config?.effort;
  const off = thinking.type === "disabled" || thinking.type === "between_tools";
  if (off && (effort === "xhigh" || effort === "max")) {
    problems.push({
      path: ["output_config", "effort"],
      message: `must be at most high with thinking ${thinking.type}`,
    });
  }
  return problems;
}

function countBreakpoints(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + countBreakpoints(each), 0);
  if (!isRecord(value)) return 0;
  // A tool's schema or a tool call's input may have a property of that name; it means nothing there.
  return Object.entries(value).reduce((sum, [name, each]) => {
    if (name === "input_schema" || name === "input") return sum;
    return sum + (name === "cache_control" ? 1 : countBreakpoints(each));
  }, 0);
}
