// Whether others work in our workspace. Their batches are left alone, but they take places of the provider's limits that nobody here
// counts, cost money that no ceiling here sees, and lengthen every doubt. So it is said once, at the start.

import { knowsOthers } from "../../postgres/message-batch-doubt.ts";
import type { BatchLaneDeps } from "./deps.ts";
import { batchLaneBounds } from "./bounds.ts";
import { listSince } from "./listing.ts";

/** Reports batches of the last day that no row of ours claims; how many. One that was created just now may yet be claimed. */
export async function reportForeign(deps: BatchLaneDeps): Promise<number> {
  const nowMs = deps.clock.now().getTime();
  const listing = await listSince(new Date(nowMs - batchLaneBounds.foreignLookMs), deps);
  if (listing === null) return 0;
  const settledBeforeMs = nowMs - deps.config.createVisibilityMs;
  const foreign = listing.batches.filter(
    ({ id, createdAt }) => !listing.claimed.has(id) && createdAt.getTime() < settledBeforeMs,
  );
  const [newest] = foreign;
  if (newest !== undefined)
    deps.log.event("workspace.shared", { batches: foreign.length, newest: newest.id });
  return foreign.length;
}

/**
 * Whether nothing in the workspace is anybody else's: no batch was ever proved to be, and everything the provider lists from a day before
 * the one that was just recognised is claimed by a row of ours, but for that one. Then what has our size and our time is ours; the first
 * batch of a newcomer would have to have both. Another of our own doubts in the listing counts as a stranger's, and a listing that is not
 * complete says nothing.
 */
export async function worksAlone(
  recognised: { readonly id: string; readonly createdAt: Date },
  deps: BatchLaneDeps,
): Promise<boolean> {
  if (await knowsOthers(deps.pool, deps.credentialId)) return false;
  // From its own time, not from now: whoever works beside us then has not gone because a day has passed.
  const since = new Date(recognised.createdAt.getTime() - batchLaneBounds.foreignLookMs);
  const listing = await listSince(since, deps);
  return listing?.batches.every(({ id }) => id === recognised.id || listing.claimed.has(id)) ?? false;
}
