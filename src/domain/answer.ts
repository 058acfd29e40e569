// From the provider's Message to an outcome. Everything here has been paid for, so nothing is thrown away without a name: a
// refusal, a cut answer and an answer that does not fit its schema are outcomes like success is. `stop_reason` is an open set
// at the provider; one not known here is an invalid output with that said, never a success.
//
// Reasons are made of field names of the schema and codes: what the model wrote never gets into a reason, because reasons are
// logged and stored beside ids.

import { isRecord, toJson } from "./json-value.ts";
import { pathText } from "./input-error.ts";
import type { Envelope } from "./job-type.ts";
import type { Abstention, AnswerSchema } from "./output-schema.ts";
import { usesServerTool } from "./server-tools.ts";

export type Answer =
  | {
      readonly outcome: "succeeded";
      /** JSON text of the answer's own fields. */
      readonly output: string;
      readonly confidence: number | null;
      readonly abstained: Abstention | null;
    }
  /** The provider paused a turn in which it runs tools; it goes on when the turn is sent back. `output`: what there is so far. */
  | { readonly outcome: "paused"; readonly output: string | null }
  | { readonly outcome: "refused"; readonly category: string | null }
  | { readonly outcome: "truncated"; readonly output: string | null }
  | { readonly outcome: "invalid_output"; readonly reason: string };

interface Message {
  readonly content: readonly Record<string, unknown>[];
  readonly stopReason: string;
  readonly refusalCategory: string | null;
}

export function invalidOutput(reason: string): Answer {
  return { outcome: "invalid_output", reason };
}

/** The stop reasons that this version knows; any other is reported as `stop_reason: unknown`. */
const stopReasons = new Set([
  "end_turn",
  "stop_sequence",
  "max_tokens",
  "model_context_window_exceeded",
  "refusal",
  "tool_use",
  "pause_turn",
]);

/**
 * Reads a Message whose answer is one JSON object. `schema` is the answer with its envelope; `checks` may object to an answer
 * that fits the schema, with a reason of its own words.
 */
export function readStructured(
  raw: unknown,
  schema: AnswerSchema,
  checks: (output: Record<string, unknown>, envelope: Envelope) => string | null,
): Answer {
  const message = readMessage(raw);
  if (message === null) return invalidOutput("message: not a message");
  const stopped = readStop(message, () => null);
  if (stopped !== null) return stopped;
  if (message.stopReason === "tool_use") return invalidOutput("stop_reason: tool_use");
  const value = parseJson(answerText(message));
  if (value === undefined) return invalidOutput("output: not_json");
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return invalidOutput(
      issue === undefined ? "output: invalid" : `${pathText(issue.path) || "output"}: ${issue.code}`,
    );
  }
  const { confidence, abstained, ...output } = parsed.data;
  const objection = checks(output, { confidence, abstained });
  if (objection !== null) return invalidOutput(objection);
  return { outcome: "succeeded", output: toJson(output), confidence: storable(confidence), abstained };
}

/**
 * A confidence as its column can hold it: PostgreSQL refuses a `real` that is too small, and a model may well answer 1e-60. Six
 * decimals are more than a confidence means.
 */
const storable = (confidence: number): number => Math.round(confidence * 1_000_000) / 1_000_000;

/** Reads a Message whose content is itself the answer: `{content, stop_reason}`. `wantsJson`: a format was asked for. */
export function readPlain(raw: unknown, wantsJson: boolean): Answer {
  const message = readMessage(raw);
  if (message === null) return invalidOutput("message: not a message");
  const output = (): string => toJson({ content: message.content, stop_reason: message.stopReason });
  const stopped = readStop(message, output);
  if (stopped !== null) return stopped;
  if (wantsJson && message.stopReason !== "tool_use" && parseJson(answerText(message)) === undefined) {
    return invalidOutput("content: not_json");
  }
  return { outcome: "succeeded", output: output(), confidence: null, abstained: null };
}

/** The outcome that the stop reason alone decides, or null when the content decides. */
function readStop(message: Message, partial: () => string | null): Answer | null {
  switch (message.stopReason) {
    case "end_turn":
    case "stop_sequence":
    case "tool_use":
      return null;
    case "refusal":
      return { outcome: "refused", category: message.refusalCategory };
    case "max_tokens":
    case "model_context_window_exceeded":
      return { outcome: "truncated", output: partial() };
    case "pause_turn":
      // Without server tools nothing pauses, and nothing could be continued.
      if (usesServerTool(message.content)) return { outcome: "paused", output: partial() };
      return invalidOutput("stop_reason: pause_turn");
    default:
      // An unknown reason says nothing about the content.
      return invalidOutput(
        `stop_reason: ${stopReasons.has(message.stopReason) ? message.stopReason : "unknown"}`,
      );
  }
}

function readMessage(raw: unknown): Message | null {
  if (!isRecord(raw) || !Array.isArray(raw["content"]) || typeof raw["stop_reason"] !== "string") return null;
  const details = raw["stop_details"];
  const category = isRecord(details) ? details["category"] : null;
  return {
    content: raw["content"].filter(isRecord),
    stopReason: raw["stop_reason"],
    refusalCategory: typeof category === "string" ? category : null,
  };
}

/** All text blocks in order. Thinking may come first and text may come in pieces, so no block is taken by its place. */
function answerText(message: Message): string {
  let text = "";
  for (const block of message.content) {
    if (block["type"] === "text" && typeof block["text"] === "string") text += block["text"];
  }
  return text;
}

/** The parsed value, or undefined, which no JSON text stands for. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
