// A message batch in doubt: it may or may not be at the provider, and the provider gives no other sign of it than its listing.
//
// A listed batch that nobody has claimed, with our number of lines and created in our time, is a candidate; since no two batches of
// ours in doubt have the same number of lines, it is ours or a stranger's. It is adopted, the oldest first, and proved when its
// results show our names, or when its creator comes back and names it; a stranger's is remembered as foreign and the doubt goes on.
// Names can be read from results only, and those are there at its end. Until then it is polled and its lines and money stay. Where we
// work alone in the workspace, as far as its listing of a day shows, it is ours without that and canceled on request. Where others do
// too it is not, whoever asks: a stranger's work must not be lost by our guess. Without a candidate the batch is given up only after the creator's time is over, `create_visibility` has passed since, and two complete listings some minutes apart were
// clear. Then its lines go back, and its money stays held until nothing can be billed any more.

import { limits } from "../../config/limits.ts";
import { candidatesOf, verdictOnAbsence } from "../../domain/message-batch.ts";
import type { ProviderBatch, SoughtBatch } from "../../domain/message-batch.ts";
import { reach } from "../../observe/points.ts";
import {
  countClearListing,
  giveUp,
  markFoundLate,
  readYoungVoids,
} from "../../postgres/message-batch-doubt.ts";
import { startLines, storeCreated } from "../../postgres/message-batches.ts";
import type { MessageBatch, Wake } from "../../postgres/message-batches.ts";
import { batchLaneBounds } from "./bounds.ts";
import { again, done } from "./deps.ts";
import type { BatchLaneDeps, StepEnd } from "./deps.ts";
import { dissolve } from "./dissolve.ts";
import { worksAlone } from "./foreign.ts";
import { listSince } from "./listing.ts";
import type { Listing } from "./listing.ts";
import type { StepLease } from "./step-lease.ts";

/** Looks for a doubtful batch in the provider's listing and decides what that shows. */
export async function resolve(batch: MessageBatch, deps: BatchLaneDeps, lease: StepLease): Promise<StepEnd> {
  if (batch.error_code !== null) return dissolve(batch, "absent", deps, lease);
  const { create_started_at: createStartedAt, doubtful_since: doubtfulSince } = batch;
  if (createStartedAt === null || doubtfulSince === null)
    throw new Error("a batch in doubt without the time of its creation");
  const listing = await listSince(createStartedAt, deps);
  if (listing === null) return again(deps.config.pollMaxMs);
  reach("doubt.listed");
  const candidates = candidatesIn(
    listing,
    soughtOf({ lineCount: batch.line_count, createStartedAt, doubtfulSince }, deps),
  );
  const [oldest] = candidates;
  if (oldest !== undefined) return adopt(batch, oldest, { deps, rivals: candidates.length - 1 });

  const verdict = verdictOnAbsence(listing.listedAt, {
    creatorEndedAt: doubtfulSince,
    createVisibilityMs: deps.config.createVisibilityMs,
    listingGapMs: deps.config.listingGapMs,
    clearListings: batch.clear_listings,
    lastClearListingAt: batch.last_clear_listing_at,
    listingsMin: limits.voidListingsMin,
  });
  if (verdict.kind === "void") {
    const holdUntil = new Date(createStartedAt.getTime() + deps.config.voidHoldMs);
    if (!(await giveUp(deps.pool, lease.holder, holdUntil))) return done;
    reach("doubt.given_up");
    return dissolve(batch, "absent", deps, lease);
  }
  if (verdict.kind === "count") {
    await countClearListing(deps.pool, lease.holder, listing.listedAt);
    reach("doubt.counted");
  }
  const dueMs =
    (verdict.kind === "count" ? verdict.again : verdict.until).getTime() - deps.clock.now().getTime();
  // A candidate may come to light at any time, so it is looked for as often as a batch is polled.
  return again(Math.max(0, Math.min(dueMs, deps.config.pollMaxMs)));
}

const candidatesIn = (listing: Listing, sought: SoughtBatch): ProviderBatch[] =>
  candidatesOf(listing.batches, sought, { claimed: listing.claimed, skewMs: batchLaneBounds.clockSkewMs });

function soughtOf(
  doubt: { lineCount: number; createStartedAt: Date; doubtfulSince: Date },
  { config }: Pick<BatchLaneDeps, "config">,
): SoughtBatch {
  const { lineCount, createStartedAt, doubtfulSince } = doubt;
  return { lineCount, createStartedAt, until: new Date(doubtfulSince.getTime() + config.createVisibilityMs) };
}

async function adopt(
  batch: MessageBatch,
  found: ProviderBatch,
  { deps, rivals }: { deps: BatchLaneDeps; rivals: number },
): Promise<StepEnd> {
  const dueAt = deps.clock.now();
  const unproved = rivals > 0 || !(await worksAlone(found, deps));
  const terms = { batch: found, createTries: batch.create_tries, adopted: true, dueAt, unproved };
  if (!(await storeCreated(deps.pool, batch.id, terms))) return done;
  deps.log.event("batch.adopted", { batchId: batch.id, providerId: found.id, rivals });
  reach("doubt.adopted");
  await startLines(deps.pool, batch.id);
  return again(0);
}

/**
 * Looks for void batches that the provider has after all, as long as their money is held. Those found are harvested and
 * counted as paid twice, and canceled where they are surely ours. Answers their wake-ups.
 */
export async function findLateBatches(deps: BatchLaneDeps): Promise<Wake[]> {
  const now = deps.clock.now();
  const voids = await readYoungVoids(
    deps.pool,
    deps.credentialId,
    new Date(now.getTime() - deps.config.voidHoldMs),
  );
  const oldest = voids[0]?.create_started_at;
  if (oldest === null || oldest === undefined) return [];
  const listing = await listSince(oldest, deps);
  if (listing === null) return [];
  const wakes: Wake[] = [];
  const claimed = new Set(listing.claimed);
  for (const {
    id,
    line_count: lineCount,
    create_started_at: createStartedAt,
    doubtful_since: doubtfulSince,
  } of voids) {
    if (createStartedAt === null || doubtfulSince === null) continue;
    const sought = soughtOf({ lineCount, createStartedAt, doubtfulSince }, deps);
    const [found] = candidatesIn({ ...listing, claimed }, sought);
    if (found === undefined) continue;
    claimed.add(found.id);
    // oxlint-disable-next-line no-await-in-loop -- rare, and one after the other is easy to follow in the log
    const unproved = !(await worksAlone(found, deps));
    // oxlint-disable-next-line no-await-in-loop -- as above
    const wake = await reviveLate(id, found, { deps, unproved });
    if (wake !== undefined) wakes.push(wake);
  }
  return wakes;
}

/** A batch that had been given up is there: from now on it is to be harvested, and canceled if it is surely ours or once it is proved. */
export async function reviveLate(
  batchId: string,
  found: ProviderBatch,
  { deps, unproved }: { deps: BatchLaneDeps; unproved: boolean },
): Promise<Wake | undefined> {
  const wake = await markFoundLate(deps.pool, batchId, found, { unproved, now: deps.clock.now() });
  if (wake !== undefined) deps.log.event("batch.found_late", { batchId, providerId: found.id });
  return wake;
}
