// Whether others work in our workspace. Their batches are left alone, but they take places of the provider's limits that nobody here
// counts, cost money that no ceiling here sees, and lengthen every doubt. So it is said once, at the start.

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
