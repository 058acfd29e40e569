// The faults that any run may meet: the provider's, the network's, the stores', and deaths at any moment.

import type { FaultRequest } from "../../src/simulator/faults.ts";
import { flagScopes, stopModes } from "../../src/domain/flag.ts";
import { queueNames } from "./plan.ts";
import type { Fault, PlannedStop, ProcessName } from "./plan.ts";
import type { Random } from "./random.ts";
import { resultsPath } from "./ways.ts";

const onCall = { path: "/v1/messages", method: "POST" } as const;
const onCreate = { path: "/v1/messages/batches", method: "POST" } as const;
const onResults = { path: resultsPath } as const;

/** What the provider does to single requests. */
const providerFaults: readonly [FaultRequest, ...FaultRequest[]] = [
  { action: "lose_response", match: onCall, params: { as: "reset" }, times: 2 },
  { action: "lose_response", match: onCall, params: { as: "timeout" }, times: 2 },
  { action: "lose_response", match: onCall, params: { as: "status", status: 502 }, times: 2 },
  { action: "cut_body", match: onCall, times: 2 },
  { action: "error", match: onCall, params: { status: 529 }, times: 5 },
  { action: "error", match: onCall, params: { status: 500 }, times: 3 },
  { action: "lose_response", match: onCreate, params: { as: "reset" } },
  { action: "lose_response", match: onCreate, params: { as: "timeout" } },
  { action: "lose_response", match: onCreate, params: { as: "status", status: 504 } },
  { action: "reset_upload", match: onCreate, params: { bytes: 3_000 } },
  { action: "error", match: onCreate, params: { status: 529 } },
  { action: "cut_mid_line", match: onResults },
  { action: "cut_at_line_end", match: onResults, times: 2 },
  { action: "reset_download", match: onResults },
  { action: "stall_download", match: onResults },
  { action: "errored", match: { lane: "batch", every: 7 }, times: 4 },
  { action: "expired", match: { lane: "batch", every: 5 }, times: 4 },
];

/** The one whose turn it is. */
export function providerFaultOf(seed: number, random: Random): Fault {
  const request = providerFaults[(seed * 5) % providerFaults.length] ?? providerFaults[0];
  return { kind: "provider", atMs: random.int(0, 800), request };
}

/** Every fifth run loses what Redis holds while message batches are under way. */
export function redisFaultOf(seed: number, random: Random): Fault[] {
  if (seed % 5 !== 3) return [];
  const how = random.pick(["flush", "kill_empty", "older"] as const);
  return [{ kind: "redis", atMs: random.int(300, 900), how, whilePolled: true }];
}

/** Every seventh run kills PostgreSQL, which recovers as after a power cut; its sessions are gone with it. */
export function postgresFaultOf(seed: number, random: Random): Fault[] {
  if (seed % 7 !== 3) return [];
  return [{ kind: "postgres", atMs: random.int(200, 1_600), how: random.pick(["kill", "quit"]), forMs: 0 }];
}

/**
 * Every third run is stopped in its middle. Scopes and modes take turns, so that each meets every other; half of the time a process is
 * killed or frozen right before.
 */
export function stopOf(seed: number, names: readonly ProcessName[], random: Random): PlannedStop | null {
  if (seed % 3 !== 2) return null;
  const turn = Math.floor(seed / 3);
  const round = Math.floor(turn / flagScopes.length);
  const [first = "work", ...others] = names.filter((name) => name !== "api");
  return {
    atMs: random.int(200, 1_300),
    scope: flagScopes[turn % flagScopes.length] ?? "global",
    queue: random.pick(queueNames),
    bulk: random.int(0, 3),
    mode: stopModes[(turn + round) % stopModes.length] ?? "abort",
    by: random.chance(0.35) ? "command" : "api",
    blow: random.chance(0.5)
      ? { process: random.pick([first, ...others]), blow: random.chance(0.5) ? "freeze" : "kill" }
      : null,
    liftedAfterMs: random.chance(0.25) ? random.int(600, 1_500) : null,
  };
}

export function drawFault(names: readonly ProcessName[], random: Random): Fault {
  const [first = "work", ...others] = names;
  const atMs = random.int(100, 2_200);
  const process = random.pick([first, ...others]);
  const blow = random.chance(0.65) ? ("kill" as const) : ("freeze" as const);
  const share = random.unit();
  if (share < 0.25) return { kind: "strike", atMs, process, blow };
  if (share < 0.6)
    return { kind: "provider", atMs: random.int(0, 800), request: random.pick(providerFaults) };
  if (share < 0.8) return drawNetwork(process, atMs, random);
  if (share < 0.92)
    return {
      kind: "redis",
      atMs,
      how: random.pick(["flush", "kill_empty", "kill", "older"]),
      whilePolled: false,
    };
  return { kind: "postgres", atMs, how: random.pick(["drop", "away"]), forMs: random.int(200, 800) };
}

function drawNetwork(process: ProcessName, atMs: number, random: Random): Fault {
  return {
    kind: "network",
    atMs,
    process,
    to: random.pick(["provider", "postgres", "redis"]),
    how: random.pick(["cut", "slow", "silent"]),
    // What is held back on its way to the provider may be accepted when its sender has given up: within the visibility.
    forMs: random.int(100, 400),
  };
}
