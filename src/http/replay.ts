// Requests with an Idempotency-Key, from the API's side: which key, and how the three answers are made. The rules are in
// src/intake/idempotency.ts. Without a key the work runs and is answered, nothing else.
import type { Request } from "express";
import { z } from "zod";
import { limits } from "../config/limits.ts";
import { ServiceError } from "../domain/errors.ts";
import { type ClaimedWork, type Idempotency, isFinalRefusal } from "../intake/idempotency.ts";
import type { Client } from "../postgres/pool.ts";
import { drain, type Body } from "./body.ts";
import { problemFor, requestIdOf } from "./problem.ts";
import type { Answer, Exchange } from "./route.ts";

/** A string of the IETF draft ("in quotes") or the bare text that most clients send. */
const idempotencyKeyHeader = z
  .string()
  .transform((text) => text.trim().replace(/^"(.*)"$/, "$1"))
  .pipe(
    z
      .string()
      .min(1)
      .max(limits.idempotencyKeyCharsMax)
      .refine((key) => /^[\x20-\x7e]*$/.test(key), { error: "must be printable ASCII" }),
  );

/** Work that calls `seal` with its answer inside its transaction, right before the commit. */
export type SealedWork = (seal: (client: Client, answer: Answer) => Promise<void>) => Promise<Answer>;

/** Runs work once per Idempotency-Key. */
export async function runOnce(
  idempotency: Idempotency,
  exchange: Exchange & { readonly route: string; readonly body: Body },
  work: SealedWork,
): Promise<Answer> {
  const key = keyOf(exchange.request);
  if (key === null) return work(() => Promise.resolve());
  const { body, caller, route } = exchange;
  const opened = await idempotency.open({ tenantId: caller.tenantId, key, route });
  if (opened.state === "first") return runClaimed(opened.work, exchange, work);
  await drain(body);
  const { status, text } = opened.answerFor(body.sha256());
  if (status < 400) return { status, body: JSON.parse(text) as unknown, headers: replayed };
  return { status, body: JSON.parse(text) as unknown, headers: { ...replayed, ...problemType } };
}

const replayed = { "Idempotency-Replayed": "true" };
const problemType = { "Content-Type": "application/problem+json" };

async function runClaimed(
  claimed: ClaimedWork,
  exchange: Exchange & { readonly body: Body },
  work: SealedWork,
): Promise<Answer> {
  const { body } = exchange;
  try {
    return await work((client, answer) =>
      claimed.seal(client, body.sha256(), { status: answer.status, text: JSON.stringify(answer.body) }),
    );
  } catch (error) {
    // Kept only for a body that was read to its end: half of it has another hash, and the same request would be called another.
    if (isFinalRefusal(error) && body.wasRead()) {
      const problem = problemFor(error, requestIdOf(exchange.response));
      // If even that cannot be stored, the refusal is still the answer, and the claim is taken over by the next request.
      await claimed
        .sealRefusal(body.sha256(), { status: problem.status, text: JSON.stringify(problem) })
        .catch(() => undefined);
    } else await claimed.release();
    throw error;
  }
}

function keyOf(request: Request): string | null {
  const header = request.get("idempotency-key");
  if (header === undefined) return null;
  const parsed = idempotencyKeyHeader.safeParse(header);
  if (parsed.success) return parsed.data;
  throw new ServiceError("invalid_header", {
    fields: [
      {
        field: "Idempotency-Key",
        reason: `must be 1 to ${limits.idempotencyKeyCharsMax} printable ASCII characters`,
      },
    ],
  });
}
