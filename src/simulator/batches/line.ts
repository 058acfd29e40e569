/** Producing one line of a batch: the same checks and the same answers as in real time, each failure as an errored row. */
import { ApiError, errorBody } from "../api-error.ts";
import type { ApiErrorShape } from "../api-error.ts";
import { hashText, unit } from "../chance.ts";
import { faultError } from "../fault-errors.ts";
import type { FaultRule, Subject } from "../faults.ts";
import { objectOf } from "../json.ts";
import type { JsonObject } from "../json.ts";
import { lenientModel } from "../messages/create.ts";
import { checkSources } from "../messages/media.ts";
import { checkPromptLength, countPrompt, produceMessage } from "../messages/message.ts";
import { endingOf } from "../messages/twist.ts";
import { checkParams } from "../messages/validate.ts";
import type { World } from "../world.ts";
import type { Batch, RowKind } from "./batch.ts";

export interface Row {
  readonly kind: RowKind;
  readonly text: string;
}

const kinds: ReadonlySet<string> = new Set([
  "succeeded",
  "errored",
  "canceled",
  "expired",
] satisfies RowKind[]);
const isKind = (value: unknown): value is RowKind => typeof value === "string" && kinds.has(value);

export const rowText = (customId: string, result: JsonObject): string =>
  `${JSON.stringify({ custom_id: customId, result })}\n`;

export const produceLine = (world: World, batch: Batch, index: number): Row => {
  const customId = batch.customIds[index] ?? "";
  const text = batch.lines.readText(batch.starts[index] ?? 0, batch.starts[index + 1] ?? batch.lines.length);
  const params = objectOf(objectOf(JSON.parse(text))["params"]);
  const model = typeof params["model"] === "string" ? params["model"] : null;
  const subject: Subject = {
    path: "/v1/messages/batches",
    method: "POST",
    keyHash: batch.identity.keyHash,
    lane: "batch",
    model,
    text: () => text,
  };
  const result = forcedResult(world, subject) ?? answeredResult(world, batch, { customId, params, subject });
  const kind = result["type"];
  if (!isKind(kind)) throw new Error(`no such row: ${String(kind)}`);
  return { kind, text: rowText(customId, result) };
};

const errored = (shape: ApiErrorShape, requestId: string | null): JsonObject => ({
  type: "errored",
  error: { type: "error", error: errorBody(shape), request_id: requestId },
});

const transientErrors: readonly ApiErrorShape[] = [
  { status: 529, type: "overloaded_error", message: "Overloaded" },
  { status: 500, type: "api_error", message: "Overloaded" },
  { status: 504, type: "timeout_error", message: "Request timed out" },
];

/** A scripted row, or one of the configured share of rows that error or expire; never billed. */
const forcedResult = (world: World, subject: Subject): JsonObject | null => {
  const rule = world.faults.take("line", subject);
  if (rule !== null) return scriptedResult(world, rule);
  const { errored: erroredShare, expired: expiredShare } = world.behaviour.shares;
  if (erroredShare + expiredShare === 0) return null;
  const hash = hashText(subject.text?.() ?? "", world.settings.seed ^ 0xe44);
  const drawn = unit(hash);
  if (drawn < expiredShare) return { type: "expired" };
  const error = transientErrors[hash % transientErrors.length];
  return drawn < expiredShare + erroredShare && error !== undefined ? errored(error, null) : null;
};

const scriptedResult = (world: World, rule: FaultRule): JsonObject => {
  if (rule.action !== "errored") return { type: rule.action };
  const shape = faultError(
    rule.params["kind"] === undefined && rule.params["status"] === undefined
      ? { ...rule, params: { status: 529, ...rule.params } }
      : rule,
  ).shape;
  return errored(shape, rule.params["worker"] === true ? world.ids.worker() : null);
};

interface Line {
  readonly customId: string;
  readonly params: JsonObject;
  readonly subject: Subject;
}

const answeredResult = (world: World, batch: Batch, line: Line): JsonObject => {
  const { params } = line;
  try {
    const model = world.settings.strict
      ? checkParams(world, params, { lane: "batch", version: batch.version })
      : lenientModel(params);
    const input = countPrompt(world, params, model);
    if (world.settings.strict) checkPromptLength(input, model);
    const unreadable = world.settings.strict ? sourceError(params) : null;
    if (unreadable !== null) return errored(unreadable.shape, world.ids.worker());
    const ending = endingOf(
      world,
      world.faults.take("answer", line.subject),
      line.subject.text ?? (() => line.customId),
    );
    const request = {
      params,
      model,
      lane: "batch",
      identity: batch.identity,
      source: line.customId,
      batchId: batch.id,
      ...ending,
    } as const;
    return { type: "succeeded", message: produceMessage(world, request, input).message };
  } catch (error) {
    if (error instanceof ApiError) return errored(error.shape, null);
    // A line that breaks the simulator must not take the others with it; the row shows what happened.
    return errored(
      { status: 500, type: "api_error", message: `Internal server error: ${String(error)}` },
      null,
    );
  }
};

const sourceError = (params: JsonObject): ApiError | null => {
  try {
    checkSources(params);
    return null;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
};
