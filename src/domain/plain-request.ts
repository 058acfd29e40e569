// The request of a plain job type: its own Messages parameters, looked through before anything is promised about their cost.

import { boundBytes, inputTokensBound, inspectContent, utf8Bytes } from "./bound.ts";
import type { ContentReport } from "./bound.ts";
import { capNames } from "./caps.ts";
import type { InputError } from "./input-error.ts";
import { isRecord, parseRecord, toJson } from "./json-value.ts";
import { findModel } from "./models.ts";
import type { RenderedRequest } from "./rendered-request.ts";
import { countToolRounds, inspectFees, limitUses } from "./server-tools.ts";
import type { Fees } from "./server-tools.ts";
import type { Variation } from "./variation.ts";

export type PlainRequest =
  | { readonly ok: true; readonly request: RenderedRequest }
  | { readonly ok: false; readonly errors: InputError[] };

/** What a job type declares for what has no bound of its own. */
export interface Declared {
  readonly inputTokensMax?: number | undefined;
  /** The cap of the bulk, written as `max_uses` on every server tool that has none. */
  readonly serverToolUsesMax?: number | undefined;
}

/** Renders parameters, varied where that is asked for, and bounds them. */
export function buildPlainRequest(
  given: Record<string, unknown>,
  version: number,
  declared: Declared,
  variation?: Variation,
): PlainRequest {
  const params = varied(limitUses(given, declared.serverToolUsesMax), variation);
  const { model: modelId, max_tokens: outputTokensMax } = params;
  const model = typeof modelId === "string" ? findModel(modelId) : undefined;
  if (typeof modelId !== "string" || model === undefined) {
    return { ok: false, errors: [{ field: "model", code: "price_unknown", reason: "has no known price" }] };
  }
  if (typeof outputTokensMax !== "number" || !Number.isSafeInteger(outputTokensMax) || outputTokensMax < 1) {
    return { ok: false, errors: [unbounded("max_tokens", "a request without max_tokens")] };
  }
  const fees = inspectFees(params);
  const report = inspectContent(params);
  const errors = refusalsOf(report, fees, declared);
  if (errors.length > 0) return { ok: false, errors };
  const text = toJson(params);
  const bytesBound = { textBytes: boundBytes(text), contextTokens: model.contextTokens };
  const unboundedMax = report.unbounded.length > 0 ? declared.inputTokensMax : undefined;
  return {
    ok: true,
    request: {
      params: text,
      bytes: utf8Bytes(text),
      model: modelId,
      version,
      inputTokensMax: unboundedMax ?? inputTokensBound(params, report, bytesBound),
      outputTokensMax,
      traits: {
        cacheWrite: report.cacheWrite,
        mayRunInUs: model.inferenceGeo && params["inference_geo"] !== "global",
        webSearchesMax: fees.webSearchesMax,
      },
      toolRounds: countToolRounds(params),
      serverToolUses: fees.serverToolUsesMax,
      batchable: model.batch,
    },
  };
}

const noUsesAllowed: InputError = {
  field: "tools",
  code: "cap_exceeded",
  reason: `has a server tool, and its cap ${capNames.serverToolUsesMax} is 0`,
};

/** What nothing bounds: content without a declared maximum, and fees whatever is declared. */
function refusalsOf(
  report: ContentReport,
  fees: Fees,
  { inputTokensMax, serverToolUsesMax }: Declared,
): InputError[] {
  // Such a tool has no bound because its cap leaves it none to be given: what is wrong is the cap, not a forgotten `max_uses`.
  if (serverToolUsesMax === 0 && fees.serverToolUsesMax === null) return [noUsesAllowed];
  const unpriced = fees.unpriced.map(({ path, what }) => unbounded(path, what));
  return inputTokensMax === undefined ? [...unboundedErrors(report), ...unpriced] : unpriced;
}

/** The parameters with another `max_tokens`, and with further turns behind their own. */
function varied(
  params: Record<string, unknown>,
  { maxTokens, turns = [] }: Variation = {},
): Record<string, unknown> {
  const capped = maxTokens === undefined ? params : { ...params, max_tokens: maxTokens };
  const own: unknown = params["messages"];
  if (turns.length === 0 || !Array.isArray(own)) return capped;
  return { ...capped, messages: [...(own as unknown[]), ...turns.map(parseRecord)] };
}

/** Everything in parameters of any shape that has no bound, as refusals. */
export function unboundedErrors(report: ContentReport): InputError[] {
  return report.unbounded.map(({ path, what }) => unbounded(path, what));
}

/** Whether the parameters ask for an answer in JSON. */
export function wantsJson(params: Readonly<Record<string, unknown>>): boolean {
  const config = params["output_config"];
  return isRecord(config) && config["format"] !== undefined && config["format"] !== null;
}

function unbounded(field: string, what: string): InputError {
  return { field, code: "unbounded_cost", reason: `has ${what}, whose cost has no upper bound` };
}
