// A complete listing of the provider's batches back to an instant. Complete means: every page was answered and understood, down to
// a batch older than the instant or to the end. Anything less is no listing at all, because absence is only proved by having
// looked everywhere.

import { limits } from "../../config/limits.ts";
import type { ProviderBatch } from "../../domain/message-batch.ts";
import { readClaimed } from "../../postgres/message-batch-doubt.ts";
import { batchLaneBounds } from "./bounds.ts";
import type { BatchLaneDeps } from "./deps.ts";

export interface Listing {
  readonly batches: readonly ProviderBatch[];
  /** Ids that are spoken for, read after the listing: a batch that was claimed meanwhile is no candidate. */
  readonly claimed: ReadonlySet<string>;
  /** When its first page was asked for: what was accepted later need not be in it. */
  readonly listedAt: Date;
}

type ListingDeps = Pick<BatchLaneDeps, "pool" | "batches" | "clock" | "credentialId">;

/** Lists everything created since then; null when the listing could not be completed. */
export async function listSince(since: Date, deps: ListingDeps): Promise<Listing | null> {
  const listedAt = deps.clock.now();
  const oldest = since.getTime() - batchLaneBounds.clockSkewMs;
  const batches: ProviderBatch[] = [];
  let afterId: string | null = null;
  for (let page = 0; page < limits.listingPagesMax; page += 1) {
    // oxlint-disable-next-line no-await-in-loop -- each page begins where the one before ended
    const end = await deps.batches.list(afterId);
    if (end.kind !== "answer" || end.body === undefined) return null;
    batches.push(...end.body.batches);
    afterId = end.body.nextAfterId;
    if (afterId === null || end.body.batches.some(({ createdAt }) => createdAt.getTime() < oldest)) {
      // oxlint-disable-next-line no-await-in-loop -- the last thing done
      const claimed = await readClaimed(
        deps.pool,
        deps.credentialId,
        batches.map(({ id }) => id),
      );
      return { batches, claimed, listedAt };
    }
  }
  return null;
}
