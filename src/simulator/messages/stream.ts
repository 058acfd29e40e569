/** A message as server-sent events, in the API's order; an error event may come after the 200. */
import type { Exchange } from "../exchange.ts";
import { loseResponse, openStream } from "../exchange.ts";
import { numberParam, textParam } from "../faults.ts";
import type { FaultRule } from "../faults.ts";
import { listOf, objectOf, textOf } from "../json.ts";
import type { JsonObject } from "../json.ts";

const pieceChars = 24;

const frame = (data: JsonObject): string =>
  `event: ${textOf(data["type"])}\ndata: ${JSON.stringify(data)}\n\n`;

const pieces = (text: string): readonly string[] => {
  const parts: string[] = [];
  const chars = Array.from(text);
  for (let at = 0; at < chars.length; at += pieceChars) parts.push(chars.slice(at, at + pieceChars).join(""));
  return parts;
};

const deltasOf = (block: JsonObject): readonly JsonObject[] => {
  switch (block["type"]) {
    case "thinking":
      return [
        ...pieces(textOf(block["thinking"])).map((thinking) => ({ type: "thinking_delta", thinking })),
        { type: "signature_delta", signature: block["signature"] },
      ];
    case "tool_use":
      return pieces(JSON.stringify(block["input"])).map((partial_json) => ({
        type: "input_json_delta",
        partial_json,
      }));
    default:
      return pieces(textOf(block["text"])).map((text) => ({ type: "text_delta", text }));
  }
};

const emptied = (block: JsonObject): JsonObject => {
  if (block["type"] === "thinking") return { ...block, thinking: "", signature: "" };
  return block["type"] === "tool_use" ? { ...block, input: {} } : { ...block, text: "" };
};

const blockEvents = (block: JsonObject, index: number): readonly JsonObject[] => {
  const events: JsonObject[] = [{ type: "content_block_start", index, content_block: emptied(block) }];
  if (index === 0) events.push({ type: "ping" });
  for (const delta of deltasOf(block)) events.push({ type: "content_block_delta", index, delta });
  events.push({ type: "content_block_stop", index });
  return events;
};

const eventsOf = (message: JsonObject): readonly JsonObject[] => {
  const usage = objectOf(message["usage"]);
  const start = {
    ...message,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    usage: { ...usage, output_tokens: 1 },
  };
  const blocks = listOf(message["content"]).flatMap((block, index) => blockEvents(objectOf(block), index));
  const { stop_reason, stop_sequence, stop_details, container } = message;
  const {
    cache_creation: _creation,
    service_tier: _tier,
    speed: _speed,
    inference_geo: _geo,
    ...counts
  } = usage;
  return [
    { type: "message_start", message: start },
    ...blocks,
    { type: "message_delta", delta: { stop_reason, stop_sequence, stop_details, container }, usage: counts },
    { type: "message_stop" },
  ];
};

/** Sends the events. A `stream_error` fault sends an error event after `after` events; cuts and stalls end there too. */
export const streamMessage = async (
  exchange: Exchange,
  message: JsonObject,
  rule: FaultRule | null,
): Promise<void> => {
  if (rule !== null && rule.action === "lose_response") {
    loseResponse(exchange, rule);
    return;
  }
  openStream(exchange, "text/event-stream; charset=utf-8");
  const events = eventsOf(message);
  const stopAt = rule === null ? events.length : numberParam(rule, "after", 3);
  const waitMs = rule !== null && rule.action === "slow_body" ? numberParam(rule, "interval_ms", 50) : 0;
  for (const [index, event] of events.entries()) {
    if (index === stopAt && waitMs === 0 && rule !== null) {
      breakOff(exchange, rule);
      return;
    }
    // oxlint-disable-next-line no-await-in-loop -- events follow each other
    await exchange.world.clock.wait(waitMs);
    exchange.response.write(frame(event));
  }
  exchange.response.end();
};

const breakOff = (exchange: Exchange, rule: FaultRule): void => {
  if (rule.action === "stall_body") return;
  if (rule.action === "cut_body") {
    setImmediate(() => exchange.request.socket.destroy());
    return;
  }
  const error = {
    type: textParam(rule, "type") ?? "overloaded_error",
    message: textParam(rule, "message") ?? "Overloaded",
  };
  exchange.response.end(frame({ type: "error", error, request_id: exchange.requestId }));
};
