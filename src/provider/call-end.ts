// How a call to the provider ended: a closed union, never an exception. What decides money is told apart here: whether the
// request can have left this machine, and whether an answer proves that it was (or was not) computed.

import type { AttemptOutcome } from "../domain/attempt.ts";
import type { GateVerdict, WorkScope } from "../domain/work-scope.ts";

/** One call's terms. */
export interface CallTerms {
  /** Whose work it is: the gate is asked in the same tick in which the request starts. A message batch carries several. */
  scope: WorkScope | readonly WorkScope[];
  /** From now until the last byte of the answer, in milliseconds. Then the socket is closed. */
  deadlineMs: number;
  /** Aborts the call from outside: a stop, a cancelled job. */
  signal?: AbortSignal;
}

interface Timed {
  /** When the request was handed to the socket. */
  sentAt: Date;
  /** When the last byte of the answer was read, or the call was given up. */
  answeredAt: Date;
}

export type ClosedVerdict = Extract<GateVerdict, { open: false }>;

export type CallEnd<Body> =
  | (Timed & {
      kind: "answer";
      status: number;
      body: Body;
      text: string;
      requestId?: string;
      /** Polls of a message batch in progress are answered with it. */
      retryAfterMs?: number;
    })
  /** The provider answered with an error: it is not billed. */
  | (Timed & {
      kind: "error";
      outcome: AttemptOutcome;
      status: number;
      type?: string;
      requestId?: string;
      retryAfterMs?: number;
    })
  /** No answer, or half of one: `not_sent` for certain, else nobody knows what was computed. */
  | (Timed & { kind: "lost"; outcome: "not_sent" | "unknown_end" | "timed_out" | "aborted" })
  /** The gate was shut: nothing was sent. */
  | { kind: "shut"; verdict: ClosedVerdict };
