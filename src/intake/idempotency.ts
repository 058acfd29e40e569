// Requests that may be sent twice and act once (IETF draft-ietf-httpapi-idempotency-key-header).
//
// The key is claimed before the work, the answer is stored in the transaction of the work, so the two can never disagree. A
// second request with the same key hears: the stored answer if its body is the same, a refusal if it is another, "still running"
// while the first one runs. "The same" covers the route, the query and every byte of the decoded body, so the body has to be
// read to its end before it can be said.
//
// What dies: the process in the middle of the work takes its transaction with it and leaves a claim without an answer. Whoever
// sends the key next takes the claim over once the process's lease has ended (the fence in the claim keeps a process that was
// only frozen from committing afterwards). A process that lives but failed to give its claim back knows what it is running
// itself, and takes over its own.
//
// Which answers are kept: those that settle the request for good, that is the accepted ones and the refusals of the content
// itself. Whatever depends on the moment (a queue that does not exist yet, a store that is away, a caller who left) is given
// back: nothing was accepted, and the same key may be sent again.
import type { Clock } from "../domain/clock.ts";
import { type ErrorCode, ServiceError } from "../domain/errors.ts";
import { type Claim, claimKey, findKey, releaseKey, sealKey } from "../postgres/idempotency.ts";
import type { Client, Pool } from "../postgres/pool.ts";

const finalRefusals: ReadonlySet<ErrorCode> = new Set([
  "invalid_input",
  "invalid_json",
  "invalid_lines",
  "empty_upload",
  "duplicate_key",
  "unbounded_cost",
  "price_unknown",
  "cap_exceeded",
] as const);

/** Whether a failure is the content's own, so that the same request would fail the same way for ever. */
export function isFinalRefusal(error: unknown): error is ServiceError {
  return error instanceof ServiceError && finalRefusals.has(error.code);
}

/** What Retry-After says while the first request runs, in seconds: an upload takes about so long. */
const retryAfterS = 2;

export interface IdempotencyDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  /** The row of this process in `processes`; its id changes when it was reaped. */
  readonly process: { readonly id: string };
  readonly ttlMs: number;
}

export interface StoredAnswer {
  readonly status: number;
  /** The body, as it was sent the first time. */
  readonly text: string;
}

export type Opened =
  | { readonly state: "first"; readonly work: ClaimedWork }
  | {
      readonly state: "repeated";
      /** @throws ServiceError idempotency_mismatch if the body is another one */
      answerFor(bodySha256: Buffer): StoredAnswer;
    };

/** The right to do the work of a key, once. Exactly one of the three ends it. */
export interface ClaimedWork {
  /**
   * Stores the answer in the transaction of the work.
   * @throws ServiceError idempotency_in_progress if the claim was taken over: roll back
   */
  seal(client: Client, bodySha256: Buffer, answer: StoredAnswer): Promise<void>;
  /** Stores a refusal that settles the request; there is no other work. */
  sealRefusal(bodySha256: Buffer, answer: StoredAnswer): Promise<void>;
  /** Gives the key back. Never throws: what cannot be given back now is taken over by the next request. */
  release(): Promise<void>;
}

export interface Idempotency {
  /**
   * Begins a request that carries a key.
   * @throws ServiceError idempotency_in_progress
   */
  open(request: { tenantId: string; key: string; route: string }): Promise<Opened>;
}

/** The idempotency of one process. */
export function createIdempotency(deps: IdempotencyDeps): Idempotency {
  /** Keys under which this process works now, and so cannot have been left behind. */
  const running = new Set<string>();
  return {
    async open({ tenantId, key, route }) {
      const name = `${tenantId} ${key}`;
      // Noted before the claim is asked for: a twin that comes while the answer is on its way must not take the claim for one that
      // was left behind.
      const runningHere = running.has(name);
      running.add(name);
      const end = (): void => void (runningHere || running.delete(name));
      const claim = await claimKey(deps.pool, {
        tenantId,
        key,
        route,
        processId: deps.process.id,
        expiresAt: new Date(deps.clock.now().getTime() + deps.ttlMs),
        runningHere,
      }).catch((error: unknown) => {
        end();
        throw error;
      });
      if (claim !== undefined) return { state: "first", work: claimedWork(deps.pool, claim, end) };
      end();
      const known = await findKey(deps.pool, tenantId, key);
      if (known?.state !== "answered") throw new ServiceError("idempotency_in_progress", { retryAfterS });
      return {
        state: "repeated",
        answerFor(bodySha256) {
          if (!known.bodySha256.equals(bodySha256)) throw new ServiceError("idempotency_mismatch");
          return { status: known.status, text: known.answer };
        },
      };
    },
  };
}

function claimedWork(pool: Pool, claim: Claim, end: () => void): ClaimedWork {
  return {
    async seal(client, bodySha256, { status, text }) {
      const held = await sealKey(client, claim, { bodySha256, status, text });
      // The claim ends with the transaction; until then a second request must still wait, and the row lock makes it.
      end();
      if (!held) throw new ServiceError("idempotency_in_progress", { retryAfterS });
    },
    async sealRefusal(bodySha256, { status, text }) {
      end();
      await sealKey(pool, claim, { bodySha256, status, text });
    },
    async release() {
      end();
      await releaseKey(pool, claim).catch(() => undefined);
    },
  };
}
