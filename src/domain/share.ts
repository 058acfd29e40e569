// Who gets the next places of the window: tenants in turn, inside a tenant its queues in turn, inside a queue its bulks.
//
// Places are dealt one at a time, so a tenant with a million jobs in fifty bulks gets no more turns than one with ten jobs, and
// a place nobody else wants goes to whoever still has work. A queue's own limit on concurrency is kept on the way.

export interface WaitingBulk {
  bulkId: string;
  tenantId: string;
  queueId: string;
  /** Jobs queued. */
  waiting: number;
  /** Jobs of the bulk's whole queue that are dispatched or running. */
  out: number;
  /** The queue's limit on jobs that are out, or null. */
  concurrencyMax: number | null;
}

/** A circle of things that take turns; one that has nothing left drops out. */
interface Turn {
  /** Takes one place; the bulk that got it, or null when nothing below wants one. */
  take(): string | null;
}

/**
 * Deals `places` among bulks. `firstTurn` rotates who begins, so that a small remainder does not always fall to the same tenant.
 * Answers places by bulk id; bulks that got none are not in it.
 */
export function shareOut(
  places: number,
  bulks: readonly WaitingBulk[],
  firstTurn: number,
): Map<string, number> {
  const dealt = new Map<string, number>();
  const rooms = roomsOf(bulks);
  const turns = circle(
    groupBy(bulks, (bulk) => bulk.tenantId).map((ofTenant) =>
      circle(
        groupBy(ofTenant, (bulk) => bulk.queueId).map((ofQueue) => queueTurn(ofQueue, rooms)),
        firstTurn,
      ),
    ),
    firstTurn,
  );
  for (let place = 0; place < places; place += 1) {
    const bulkId = turns.take();
    if (bulkId === null) break;
    dealt.set(bulkId, (dealt.get(bulkId) ?? 0) + 1);
  }
  return dealt;
}

/** Of the jobs no more of a bulk than it was dealt, the first of them. */
export function withinPlaces<Job>(
  jobs: readonly Job[],
  places: ReadonlyMap<string, number>,
  bulkOf: (job: Job) => string,
): Job[] {
  const left = new Map(places);
  return jobs.filter((job) => {
    const room = left.get(bulkOf(job)) ?? 0;
    left.set(bulkOf(job), room - 1);
    return room > 0;
  });
}

/**
 * Narrows the queues of work that comes back after a stop. `shareOf` says how much of its full width a bulk may have now, 1 being all;
 * a queue gets the least of its bulks', and those that are narrowed share the calls at once between them.
 */
export function easeIn<Bulk extends WaitingBulk>(
  bulks: readonly Bulk[],
  concurrency: number,
  shareOf: (bulk: Bulk) => number,
): Bulk[] {
  const shares = new Map<string, number>();
  for (const bulk of bulks) {
    const share = Math.min(shareOf(bulk), shares.get(bulk.queueId) ?? 1);
    if (share < 1) shares.set(bulk.queueId, share);
  }
  return bulks.map((bulk) => {
    const share = shares.get(bulk.queueId);
    if (share === undefined) return bulk;
    const room = Math.max(1, Math.floor((concurrency * share) / shares.size));
    return { ...bulk, concurrencyMax: Math.min(bulk.concurrencyMax ?? Infinity, room) };
  });
}

/** What each queue's limit on concurrency leaves. A shared queue has one limit for all its tenants. */
function roomsOf(bulks: readonly WaitingBulk[]): Map<string, number> {
  return new Map(
    bulks.map(({ queueId, concurrencyMax, out }) => [
      queueId,
      concurrencyMax === null ? Infinity : concurrencyMax - out,
    ]),
  );
}

function queueTurn(bulks: readonly WaitingBulk[], rooms: Map<string, number>): Turn {
  const queueId = bulks[0]?.queueId ?? "";
  const inner = circle(
    bulks.map((bulk) => bulkTurn(bulk)),
    0,
  );
  return {
    take: () => {
      const room = rooms.get(queueId) ?? 0;
      const taken = room < 1 ? null : inner.take();
      if (taken !== null) rooms.set(queueId, room - 1);
      return taken;
    },
  };
}

function bulkTurn(bulk: WaitingBulk): Turn {
  let left = bulk.waiting;
  return { take: () => (left-- > 0 ? bulk.bulkId : null) };
}

function circle(members: Turn[], firstTurn: number): Turn {
  const alive = [...members];
  let next = alive.length === 0 ? 0 : firstTurn % alive.length;
  return {
    take: () => {
      while (alive.length > 0) {
        const taken = alive[next]?.take() ?? null;
        if (taken !== null) {
          next = (next + 1) % alive.length;
          return taken;
        }
        alive.splice(next, 1);
        if (next >= alive.length) next = 0;
      }
      return null;
    },
  };
}

function groupBy(bulks: readonly WaitingBulk[], keyOf: (bulk: WaitingBulk) => string): WaitingBulk[][] {
  const groups = new Map<string, WaitingBulk[]>();
  for (const bulk of bulks) {
    const key = keyOf(bulk);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [bulk]);
    else group.push(bulk);
  }
  return [...groups.values()];
}
