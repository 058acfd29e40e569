// The books of a realtime worker: claims and ends of calls, in turns of one transaction each.
//
// Every call writes twice: its claim before it may be sent, its end when it is known. Both change the same few budget windows, and
// a row that is locked stays locked until the commit is on disk. Fifty calls at once would stand in line for it; so everything
// that gathered while one transaction was at the disk goes into the next: one lock of each window, one commit. What a turn
// releases can be held again in the same turn. A turn that fails changes nothing: its claims fail (the jobs stay dispatched
// until the sweep), and its ends are asked for again by the caller.

import { reach } from "../observe/points.ts";
import { findClaimed, startClaimed } from "./claim.ts";
import type { Claim, ClaimAnswer, ClaimTerms } from "./claim.ts";
import { createGroup } from "./group.ts";
import { withTransaction } from "./pool.ts";
import type { Pool } from "./pool.ts";
import { closeAttempts } from "./record.ts";
import type { AttemptRecord, RecordedAttempt } from "./record.ts";
import { WindowChanges } from "./windows.ts";

export interface Books {
  claim(claim: Claim): Promise<ClaimAnswer>;
  record(record: AttemptRecord): Promise<RecordedAttempt>;
}

export interface BooksOptions {
  /** Claims and ends in one turn, at most. */
  itemsMax: number;
  /** The terms of a turn's claims, asked for at its begin. */
  terms(): ClaimTerms;
}

type Entry = { claim: Claim } | { record: AttemptRecord };
type Answer = { claimed: ClaimAnswer } | { recorded: RecordedAttempt };

export function openBooks(pool: Pool, options: BooksOptions): Books {
  const turns = createGroup<Entry, Answer>({
    run: (entries) => takeTurn(pool, entries, options.terms()),
    itemsMax: options.itemsMax,
    inFlightMax: 1,
  });
  return {
    claim: async (claim) => {
      const answer = await turns.add({ claim });
      if (!("claimed" in answer)) throw new Error("a claim was answered as a record");
      return answer.claimed;
    },
    record: async (record) => {
      const answer = await turns.add({ record });
      if (!("recorded" in answer)) throw new Error("a record was answered as a claim");
      return answer.recorded;
    },
  };
}

async function takeTurn(pool: Pool, entries: readonly Entry[], terms: ClaimTerms): Promise<Answer[]> {
  const records = entries.flatMap((entry) => ("record" in entry ? [entry.record] : []));
  const claims = entries.flatMap((entry) => ("claim" in entry ? [entry.claim] : []));
  const { recorded, claimed } = await withTransaction(pool, async (client) => {
    const changes = new WindowChanges();
    // The order of locks: attempts and jobs first, windows last.
    const ends = records.length === 0 ? [] : await closeAttempts(client, records, changes);
    const starts =
      claims.length === 0
        ? []
        : await startClaimed(client, claims, await findClaimed(client, claims, terms), {
            ...terms,
            changes,
          });
    await changes.write(client);
    if (claims.length > 0) reach("claim.written");
    if (records.length > 0) reach("record.written");
    return { recorded: ends[Symbol.iterator](), claimed: starts[Symbol.iterator]() };
  });
  if (claims.length > 0) reach("claim.committed");
  if (records.length > 0) reach("record.committed");
  return entries.map((entry) =>
    "record" in entry ? { recorded: taken(recorded) } : { claimed: taken(claimed) },
  );
}

function taken<T>(answers: Iterator<T>): T {
  const next = answers.next();
  if (next.done === true) throw new Error("a turn answered fewer results than it had entries");
  return next.value;
}
