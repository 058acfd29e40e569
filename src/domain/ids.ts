// Ids are lower-case ULIDs: 26 characters of [0-9a-z], sortable by time of birth, unique without asking anybody. Lower case
// and no separators, because a message batch line is named `<batch>-<job>` and the provider allows 64 characters of
// [a-zA-Z0-9_-]. Ids of one process rise strictly, also within one millisecond and when the wall clock goes back: inserts
// stay at the right edge of their index, and "order by id" is the order of birth.
import { decodeTime, monotonicFactory } from "ulid";

/** The tenant that stands for the installation itself: shared queues, global budgets and installation keys carry it. */
export const installationTenantId = "installation";

const idPattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/**
 * A source of ids.
 * @param nowMs  wall time in milliseconds since 1970
 * @param chance random numbers in [0, 1)
 */
export function createIdSource(nowMs: () => number, chance: () => number): () => string {
  const next = monotonicFactory(chance);
  return () => next(nowMs()).toLowerCase();
}

/** True if the text has the form of an id: what is not one need not be looked up. */
export const isId = (text: string): boolean => idPattern.test(text);

/** The instant at which an id was made. */
export const idTime = (id: string): Date => new Date(decodeTime(id));
