// The prepared jobs of the bulks somebody works on: a bounded cache, so that what a bulk shares (77 labels, say) is read,
// validated and rendered once and not for every line. Both lanes have one.

import type { JobTypes } from "../config/job-types.ts";
import { readCaps } from "../domain/caps.ts";
import { parseRecord } from "../domain/json-value.ts";
import type { PreparedJobs } from "../domain/prepared-jobs.ts";
import type { Database } from "../postgres/pool.ts";
import { queryOne } from "../postgres/query.ts";

const findShared = queryOne("dispatch/find-shared");

/** Bulks remembered at once; a prepared one is a few kilobytes, more where it shares much. */
const preparedMax = 200;

export interface PreparedBulks {
  /** The prepared jobs of a bulk, or null if its job type is not loaded here or the bulk is gone. */
  of(bulkId: string, jobType: string): Promise<PreparedJobs | null>;
}

export function createPreparedBulks(database: Database, jobTypes: JobTypes): PreparedBulks {
  const known = new Map<string, Promise<PreparedJobs | null>>();

  async function prepare(bulkId: string, jobType: string): Promise<PreparedJobs | null> {
    const type = jobTypes.get(jobType);
    const bulk = await findShared(database, [bulkId]);
    if (type === undefined || bulk === undefined) return null;
    return type.prepare(bulk.shared === null ? null : parseRecord(bulk.shared), readCaps(bulk.caps));
  }

  return {
    of: (bulkId, jobType) => {
      const cached = known.get(bulkId);
      // Taken out and put back: the Map's order is then the order of use.
      if (cached !== undefined) known.delete(bulkId);
      const prepared = cached ?? prepare(bulkId, jobType);
      known.set(bulkId, prepared);
      prepared.catch(() => known.delete(bulkId));
      const oldest = known.size > preparedMax ? known.keys().next().value : undefined;
      if (oldest !== undefined) known.delete(oldest);
      return prepared;
    },
  };
}
