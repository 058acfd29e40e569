// The fetch that is handed to the SDK. It is the last line of ours before the socket, so the kill switch stands here: the gate
// is read and the request started in the same tick, with nothing between them that could wait. It also times the request and
// shows the headers of every answer of the Messages endpoint to whoever paces.
//
// undici's own client is used and not the one built into Node, because the agent's time limits (300 s for headers and body by
// default, below the deadline of a long call) can only be set on an agent of the same undici.
//
// The Messages endpoint is asked by `request`, which follows no redirect, and everything else by `fetch`.
// `redirect: "error"` and `window: null`: a call that costs money follows nobody elsewhere, and together they are the one case in
// which fetch does not clone the request. The clone tees a streamed body, and the branch nobody reads keeps all of it: a message
// batch of 256 MB stood in memory whole.

import { Agent, fetch as undiciFetch, request as undiciRequest } from "undici";
import type { RequestInit as UndiciRequestInit } from "undici";
import type { Clock } from "../domain/clock.ts";
import type { Gate, WorkScope } from "../domain/work-scope.ts";
import { reach } from "../observe/points.ts";
import type { ClosedVerdict } from "./call-end.ts";

/** What one call learns from its fetch; passed through the SDK in `fetchOptions`. */
export interface CallTrace {
  /** Absent for calls that cost nothing and carry no content (poll, list, cancel, results): the gate does not hold them. */
  scope?: WorkScope | readonly WorkScope[];
  /** The Messages endpoint: its limits are the pace's. Batch endpoints state limits of their own, under the same header names. */
  paced?: boolean;
  sentAt?: Date;
  shut?: ClosedVerdict;
}

export interface GatedFetchOptions {
  gate: Gate;
  clock: Clock;
  onAnswer(headers: Headers, status: number): void;
  /** Called when a call that costs or carries content begins. */
  onStart?(at: Date): void;
}

const agentOptions = {
  // The call's own deadline ends it; these only have to be longer than any deadline (30 minutes at most, an hour here).
  headersTimeout: 3_600_000,
  bodyTimeout: 3_600_000,
  connectTimeout: 10_000,
  keepAliveTimeout: 30_000,
  pipelining: 1,
};

export interface GatedFetch {
  fetch: typeof globalThis.fetch;
  close(): Promise<void>;
}

export function createGatedFetch(options: GatedFetchOptions): GatedFetch {
  const agent = new Agent(agentOptions);
  const gated = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the client put into the SDK's fetchOptions
    const { trace, ...request } = (init ?? {}) as RequestInit & { trace?: CallTrace };
    if (trace?.scope !== undefined) {
      for (const scope of [trace.scope].flat()) {
        const verdict = options.gate(scope);
        if (!verdict.open) {
          trace.shut = verdict;
          throw new GateShut();
        }
      }
    }
    if (trace !== undefined) {
      trace.sentAt = options.clock.now();
      if (trace.scope !== undefined) options.onStart?.(trace.sentAt);
    }
    // oxlint-disable-next-line typescript/no-base-to-string -- the SDK passes a text
    const target = String(url);
    if (trace?.paced === true) {
      const asked = requestWhole(agent, target, request);
      reach("call.sent");
      const answer = await asked;
      options.onAnswer(answer.headers, answer.status);
      return answer;
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Node's types of fetch are undici's of another version
    const answer = await undiciFetch(target, {
      ...request,
      redirect: "error",
      window: null,
      dispatcher: agent,
    } as UndiciRequestInit);
    return answer;
  };
  return { fetch: gated, close: () => agent.close() };
}

/**
 * One request whose answer is small and read whole. `fetch` wraps body, answer and headers in web streams; for a short call that is
 * most of what this process does, so the Messages endpoint is asked the plain way.
 */
async function requestWhole(agent: Agent, url: string, init: RequestInit): Promise<Response> {
  const { statusCode, headers, body } = await undiciRequest(url, {
    dispatcher: agent,
    method: "POST",
    headers: Object.fromEntries(new Headers(init.headers)),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the text that was rendered, passed through by the SDK
    body: init.body as string,
    signal: init.signal ?? null,
  });
  const text = await body.text().catch((error: unknown) => {
    // The status of an error says enough; of an answer only the whole counts.
    if (statusCode >= 400) return "";
    throw error;
  });
  const answered = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  return new Response(text, { status: statusCode, headers: answered });
}

/** Never reaches a caller: the client turns it into the end "shut". */
class GateShut extends Error {
  override readonly name = "GateShut";
}
