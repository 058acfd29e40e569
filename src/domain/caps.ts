// Caps: numbers that a job type declares and a submission may only make smaller. What is known when a line comes in is refused then;
// what comes later (a retry, a continuation) ends the job by name.
//
// Per request: its bytes, its `max_tokens`, its attempts, the tokens of all its attempts together, its turns with tool calls, its
// uses of server tools (in one attempt) and its continuations. Per bulk: bytes, attempts, tokens.
//
// How the totals of a bulk hold without a statement for every job: when a bulk is accepted, one attempt of every line is reserved at
// its bound, and what is left over stands on the bulk's row. A first attempt draws on nothing. An attempt behind one that was paid
// (or may have been) draws one attempt, and as many tokens as the job then needs beyond what is reserved for it, under a lock of the
// bulk's row, in the transaction that schedules it. An attempt that cost nothing leaves its reservation to the next. So at every
// instant the tokens spent plus the bounds of what runs are at most what is reserved, and that at most the cap. Tokens that a job
// reserved and did not use are not given back to the others: that would be a write to one row for every answer.

import type { InputError } from "./input-error.ts";
import { isRecord } from "./json-value.ts";
import type { RenderedRequest } from "./rendered-request.ts";

/** Every cap with its name in the API, from the request to the bulk. */
export const capNames = {
  inputBytesMax: "input_bytes_max",
  maxTokensMax: "max_tokens_max",
  attemptsMax: "attempts_max",
  totalTokensMax: "total_tokens_max",
  toolRoundsMax: "tool_rounds_max",
  serverToolUsesMax: "server_tool_uses_max",
  continuationsMax: "continuations_max",
  bulkInputBytesMax: "bulk_input_bytes_max",
  bulkAttemptsMax: "bulk_attempts_max",
  bulkTotalTokensMax: "bulk_total_tokens_max",
} as const;

export type Cap = keyof typeof capNames;
export type CapName = (typeof capNames)[Cap];
export type Caps = { readonly [Name in Cap]?: number | undefined };

export const caps: readonly Cap[] = Object.keys(capNames).filter((name): name is Cap => name in capNames);

/** Continuations of a paused answer where a job type says nothing: a search that takes more rounds than this is rarely worth it. */
export const continuationsMaxDefault = 3;

/** Caps by their names in the API, and back from a row, whatever it holds. */
export const namedCaps = (given: Caps): Partial<Record<CapName, number>> =>
  Object.fromEntries(
    caps.flatMap((cap) => (given[cap] === undefined ? [] : [[capNames[cap], given[cap]] as const])),
  );

export function readCaps(named: unknown): Caps {
  if (!isRecord(named)) return {};
  return Object.fromEntries(
    caps.flatMap((cap) => {
      const value = named[capNames[cap]];
      return typeof value === "number" ? [[cap, value] as const] : [];
    }),
  );
}

/** Both together, the smaller of each. */
export const narrowed = (own: Caps, given: Caps): Caps =>
  Object.fromEntries(
    caps.flatMap((cap) => {
      const values = [own[cap], given[cap]].filter((value) => value !== undefined);
      return values.length === 0 ? [] : [[cap, Math.min(...values)] as const];
    }),
  );

/** Whether these may not allow an attempt that the provider's own failures do not call for: right-sizing asks for one now and then. */
export const capsAttempts = (own: Caps): boolean =>
  own.totalTokensMax !== undefined ||
  own.bulkAttemptsMax !== undefined ||
  own.bulkTotalTokensMax !== undefined;

/** The given caps that are above those they may only make smaller. */
export const widened = (own: Caps, given: Caps): { name: CapName; most: number }[] =>
  caps.flatMap((cap) => {
    const [most, value] = [own[cap], given[cap]];
    return most !== undefined && value !== undefined && value > most ? [{ name: capNames[cap], most }] : [];
  });

type Measured = Omit<RenderedRequest, "params" | "model" | "version" | "traits" | "batchable">;

/** Tokens one attempt of a request may take, in and out. */
export const tokensBound = (request: Pick<Measured, "inputTokensMax" | "outputTokensMax">): number =>
  request.inputTokensMax + request.outputTokensMax;

/** The caps that a request breaks before it has been sent. `isPlain`: the input is made of the parameters themselves. */
export function brokenCaps(request: Measured, own: Caps, isPlain: boolean): InputError[] {
  const { bytes, outputTokensMax, toolRounds, serverToolUses } = request;
  const errors: InputError[] = [];
  const refuse = (cap: Cap, value: number | null, [field, what]: readonly [string, string]): void => {
    const most = own[cap];
    if (most === undefined || (value !== null && value <= most)) return;
    const reason = `${what}, and its cap ${capNames[cap]} is ${most}`;
    errors.push({ field: isPlain ? field : "", code: "cap_exceeded", reason });
  };
  const tokens = tokensBound(request);
  refuse("inputBytesMax", bytes, ["", `makes a request of ${bytes} bytes`]);
  refuse("maxTokensMax", outputTokensMax, ["max_tokens", `asks for ${outputTokensMax} output tokens`]);
  refuse("totalTokensMax", tokens, ["", `may take ${tokens} tokens in one attempt`]);
  refuse("toolRoundsMax", toolRounds, ["messages", `has ${toolRounds} turns with tool calls`]);
  refuse("serverToolUsesMax", serverToolUses, [
    "tools",
    serverToolUses === null
      ? "has a server tool without max_uses"
      : `allows ${serverToolUses} uses of server tools`,
  ]);
  return errors;
}

/** What a bulk takes with one attempt of every line. */
export interface BulkLoad {
  readonly accepted: number;
  readonly bytes: number;
  readonly tokens: number;
}

/** The first of its own caps that a bulk breaks as a whole, in words for the bulk and for the cap; null: none. */
export function brokenBulkCap(
  load: BulkLoad,
  own: Caps,
): { name: CapName; detail: string; reason: string } | null {
  const rows = [
    ["bulkInputBytesMax", load.bytes, "bytes of requests"],
    ["bulkAttemptsMax", load.accepted, "first attempts"],
    ["bulkTotalTokensMax", load.tokens, "tokens in one attempt of every line"],
  ] as const;
  for (const [cap, value, what] of rows) {
    const most = own[cap];
    if (most !== undefined && value > most)
      return {
        name: capNames[cap],
        detail: `The bulk takes at least ${value} ${what}; its cap ${capNames[cap]} is ${most}.`,
        reason: `is ${most}, and the bulk takes at least ${value} ${what}`,
      };
  }
  return null;
}

/** What is left to a bulk beyond the first attempts; null: it has no such cap. */
export const leftBeyond = (
  load: BulkLoad,
  own: Caps,
): { attempts: number | null; tokens: number | null } => ({
  attempts: own.bulkAttemptsMax === undefined ? null : own.bulkAttemptsMax - load.accepted,
  tokens: own.bulkTotalTokensMax === undefined ? null : own.bulkTotalTokensMax - load.tokens,
});

/** An attempt that is to follow a paid one. */
export interface NextAttempt {
  /** Tokens of all attempts of the job so far. */
  readonly tokensUsed: number;
  /** What the next one may take. */
  readonly tokensMax: number;
  /** What is reserved for the job. */
  readonly tokensReserved: number;
  /** For a continuation: how many there were before, and what the continued request holds. */
  readonly continued?: { readonly before: number; readonly bytes: number; readonly toolRounds: number };
}

export interface Draw {
  readonly attempts: number;
  readonly tokens: number;
}

/** What the next attempt draws on its bulk, or the cap that does not allow it. `left`: of the bulk; null: no such cap. */
export function drawNext(
  next: NextAttempt,
  own: Caps,
  left: { readonly attempts: number | null; readonly tokens: number | null },
): { readonly draw: Draw } | { readonly brokenCap: CapName } {
  const { continued } = next;
  const tokensInAll = next.tokensUsed + next.tokensMax;
  const draw = { attempts: 1, tokens: Math.max(0, tokensInAll - next.tokensReserved) };
  const broken: [Cap, boolean][] = [
    ["continuationsMax", continued !== undefined && continued.before + 1 > (own.continuationsMax ?? 0)],
    ["toolRoundsMax", isAbove(continued?.toolRounds, own.toolRoundsMax)],
    ["inputBytesMax", isAbove(continued?.bytes, own.inputBytesMax)],
    ["totalTokensMax", isAbove(tokensInAll, own.totalTokensMax)],
    ["bulkAttemptsMax", isAbove(draw.attempts, left.attempts)],
    ["bulkTotalTokensMax", isAbove(draw.tokens, left.tokens)],
  ];
  const first = broken.find(([, isBroken]) => isBroken);
  return first === undefined ? { draw } : { brokenCap: capNames[first[0]] };
}

const isAbove = (value: number | undefined, most: number | null | undefined): boolean =>
  value !== undefined && most !== undefined && most !== null && value > most;
