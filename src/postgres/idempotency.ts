// Idempotency-Keys: who runs under one, and what the answer was.
import type { Client, Database } from "./pool.ts";
import { query, queryOne } from "./query.ts";

const claimRow = queryOne("idempotency/claim");
const findRow = queryOne("idempotency/find");
const sealRow = queryOne("idempotency/seal");
const releaseRow = query("idempotency/release");

export interface Claim {
  readonly tenantId: string;
  readonly key: string;
  readonly processId: string;
  /** Fences the claim: a later one of the same process has another. */
  readonly claimedAt: string;
}

/** Claims a key; undefined if somebody else holds it or has been answered under it. */
export async function claimKey(
  database: Database,
  wish: Omit<Claim, "claimedAt"> & { route: string; expiresAt: Date; runningHere: boolean },
): Promise<Claim | undefined> {
  const { tenantId, key, processId } = wish;
  const row = await claimRow(database, [
    tenantId,
    key,
    wish.route,
    processId,
    wish.expiresAt,
    wish.runningHere,
  ]);
  return row === undefined ? undefined : { tenantId, key, processId, claimedAt: row.claimed_at };
}

export type KnownKey =
  | { readonly state: "running" }
  | {
      readonly state: "answered";
      readonly bodySha256: Buffer;
      readonly status: number;
      readonly answer: string;
    };

/** What is known of a key; undefined if nothing. `answer` is the text of the body as it was sent. */
export async function findKey(
  database: Database,
  tenantId: string,
  key: string,
): Promise<KnownKey | undefined> {
  const row = await findRow(database, [tenantId, key]);
  if (row === undefined) return undefined;
  if (row.status === null || row.body_sha256 === null || row.answer === null) return { state: "running" };
  return { state: "answered", bodySha256: row.body_sha256, status: row.status, answer: row.answer };
}

/** Stores the answer; false if the claim is not held any more, and then the work must not be committed. */
export async function sealKey(
  client: Client | Database,
  claim: Claim,
  answer: { bodySha256: Buffer; status: number; text: string },
): Promise<boolean> {
  const { tenantId, key, processId, claimedAt } = claim;
  const row = await sealRow(client, [
    tenantId,
    key,
    processId,
    claimedAt,
    answer.bodySha256,
    answer.status,
    answer.text,
  ]);
  return row !== undefined;
}

/** Gives a claim back: nothing was done under it. */
export async function releaseKey(database: Database, claim: Claim): Promise<void> {
  await releaseRow(database, [claim.tenantId, claim.key, claim.processId, claim.claimedAt]);
}
