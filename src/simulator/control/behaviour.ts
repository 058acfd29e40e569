/** `POST /_sim/behaviour`: latencies, durations, lags and shares of a running simulator. */
import { isObject } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { World } from "../world.ts";

const isKind = (value: unknown, like: unknown): boolean =>
  isObject(like)
    ? isObject(value) && Object.values(value).every((member) => typeof member === "number")
    : typeof value === typeof like;

const mergeMember = (before: unknown, value: unknown): unknown =>
  isObject(before) && isObject(value) ? { ...before, ...value } : value;

/** Lays the given members over the present ones; an unknown name or a value of another kind changes nothing and throws. */
export const changeBehaviour = (world: World, body: JsonObject): void => {
  const present: JsonObject = { ...world.behaviour };
  for (const [name, value] of Object.entries(body)) {
    if (!(name in present)) throw new Error(`${name}: unknown, one of ${Object.keys(present).join(", ")}`);
    if (!isKind(value, present[name]))
      throw new Error(`${name}: must be like ${JSON.stringify(present[name])}`);
  }
  const merged = Object.entries(body).map(([name, value]) => [name, mergeMember(present[name], value)]);
  Object.assign(world.behaviour, Object.fromEntries(merged));
};
