/** Changes asked for through control: the clock, the faults, the limits. Each throws an Error that names what is wrong. */
import type { FaultParams, FaultRequest, FaultRule } from "../faults.ts";
import { isObject } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { World } from "../world.ts";

/** Any of `{advance_ms}`, `{set: RFC 3339 or epoch ms}`, `{rate}`; lines that became due are produced before it returns. */
export const changeClock = async (world: World, body: JsonObject): Promise<void> => {
  const { advance_ms, set, rate } = body;
  if (rate !== undefined) {
    if (typeof rate !== "number" || !(rate >= 0)) throw new Error("rate: must be a number of at least 0");
    world.clock.setRate(rate);
  }
  if (advance_ms !== undefined) {
    if (typeof advance_ms !== "number" || !(advance_ms >= 0))
      throw new Error("advance_ms: must be a number of at least 0");
    world.clock.advance(advance_ms);
  }
  if (set !== undefined) {
    const toMs = typeof set === "string" ? Date.parse(set) : Number(set);
    if (!Number.isFinite(toMs)) throw new Error("set: must be an RFC 3339 time or epoch milliseconds");
    if (!world.clock.set(toMs)) throw new Error("set: time cannot run backwards");
  }
  await world.batches.settle(world);
};

const matchNames = ["path", "method", "contains", "model", "lane", "key", "nth", "every"];
const requestNames = ["action", "match", "times", "probability", "seed", "params"];

/** One fault or a list of them. */
export const addFaults = (world: World, body: unknown): readonly FaultRule[] => {
  const requests = (Array.isArray(body) ? (body as unknown[]) : [body]).map(faultRequest);
  return requests.map((request) => world.faults.add(request));
};

const checkNames = (body: JsonObject, known: readonly string[], where: string): void => {
  const wrong = Object.keys(body).find((name) => !known.includes(name));
  if (wrong !== undefined) throw new Error(`${where}${wrong}: unknown, one of ${known.join(", ")}`);
};

const faultRequest = (body: unknown): FaultRequest => {
  if (!isObject(body)) throw new Error("a fault must be a JSON object");
  checkNames(body, requestNames, "");
  const match = isObject(body["match"]) ? body["match"] : {};
  checkNames(match, matchNames, "match.");
  const { action, times, probability, seed, params } = body;
  if (typeof action !== "string") throw new Error("action: must be a string");
  if (times !== undefined && times !== null && typeof times !== "number")
    throw new Error("times: must be a number or null");
  return {
    action,
    match,
    ...(times === undefined ? {} : { times }),
    ...(typeof probability === "number" ? { probability } : {}),
    ...(typeof seed === "number" ? { seed } : {}),
    ...(isObject(params) ? { params: scalars(params) } : {}),
  };
};

const isScalar = (value: unknown): value is FaultParams[string] =>
  value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";

const scalars = (params: JsonObject): FaultParams => {
  const checked: Record<string, FaultParams[string]> = {};
  for (const [name, value] of Object.entries(params)) {
    if (!isScalar(value)) throw new Error(`params.${name}: must be text, a number, true, false or null`);
    checked[name] = value;
  }
  return checked;
};

const limitNames = [
  "standard",
  "pools",
  "batchRpm",
  "batchQueueMax",
  "batchLinesMax",
  "batchBytesMax",
  "countTokensRpm",
  "bucketSeconds",
];

export const changeLimits = (world: World, body: JsonObject): void => {
  checkNames(body, limitNames, "");
  world.limits.change(body);
};
