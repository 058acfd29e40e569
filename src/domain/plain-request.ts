// The request of a plain job type: its own Messages parameters, looked through before anything is promised about their cost.

import { boundBytes, inputTokensBound, inspectContent, utf8Bytes } from "./bound.ts";
import type { ContentReport } from "./bound.ts";
import type { InputError } from "./input-error.ts";
import { isRecord, toJson } from "./json-value.ts";
import { findModel } from "./models.ts";
import type { RenderedRequest } from "./rendered-request.ts";

export type PlainRequest =
  | { readonly ok: true; readonly request: RenderedRequest }
  | { readonly ok: false; readonly errors: InputError[] };

/** Renders parameters and bounds them. `inputTokensMax`: what the job type declares for content without a bound, if it does. */
export function buildPlainRequest(
  params: Record<string, unknown>,
  version: number,
  inputTokensMax: number | undefined,
): PlainRequest {
  const { model: modelId, max_tokens: outputTokensMax } = params;
  const model = typeof modelId === "string" ? findModel(modelId) : undefined;
  if (typeof modelId !== "string" || model === undefined) {
    return { ok: false, errors: [{ field: "model", code: "price_unknown", reason: "has no known price" }] };
  }
  if (typeof outputTokensMax !== "number" || !Number.isSafeInteger(outputTokensMax) || outputTokensMax < 1) {
    return { ok: false, errors: [unbounded("max_tokens", "a request without max_tokens")] };
  }
  const report = inspectContent(params);
  const errors = unboundedErrors(report);
  if (errors.length > 0 && inputTokensMax === undefined) return { ok: false, errors };
  const text = toJson(params);
  const { contextTokens } = model;
  return {
    ok: true,
    request: {
      params: text,
      bytes: utf8Bytes(text),
      model: modelId,
      version,
      inputTokensMax:
        errors.length > 0 && inputTokensMax !== undefined
          ? inputTokensMax
          : inputTokensBound(params, report, { textBytes: boundBytes(text), contextTokens }),
      outputTokensMax,
      traits: {
        cacheWrite: report.cacheWrite,
        mayRunInUs: model.inferenceGeo && params["inference_geo"] !== "global",
      },
      batchable: model.batch,
    },
  };
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
