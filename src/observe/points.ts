// The named points: every boundary of the protocols where a death or a freeze would be worst, as a closed list.
//
// Here they do nothing. `npm run torture` runs a copy of these sources in which this one function is replaced (docs/torture.md),
// and kills or freezes a process where it says so. A switch read at run time would have been one more thing that production could
// be configured into; so there is none.

/** Each point with what has happened by then and what has not. */
export const points = {
  "intake.chunk_written": "a chunk of an upload is written, more is to come",
  "intake.written": "bulk, jobs and answer are written, not committed",
  "intake.committed": "a bulk is committed, the caller has no answer",

  "dispatch.written": "jobs are marked dispatched, not committed",
  "dispatch.committed": "jobs are dispatched, the queue has no entries",
  "dispatch.enqueued": "the queue has the entries",

  "claim.written": "jobs are running and their money is held, not committed",
  "claim.committed": "jobs are running and their money is held, nothing is sent",
  "call.sent": "a request was handed to the socket, there is no answer",
  "call.answered": "an answer was read, it is not recorded",
  "record.written": "attempts are ended and settled, not committed",
  "record.committed": "attempts are ended and settled",

  "batch.intent_written": "lines, money and intent are written, not committed",
  "batch.intent_committed": "an intent exists, nobody was woken for it",
  "batch.create_started": "a creation is announced, no byte was sent",
  "batch.create_streaming": "a part of the body was sent",
  "batch.create_sent": "the last byte of the body was handed over, there is no answer",
  "batch.create_answered": "the provider has the batch, its id is not stored",
  "batch.create_stored": "the provider's id is stored, the lines are not running yet",

  "batch.polled": "the provider has answered a poll, it is not recorded",
  "batch.ended": "a batch is known to have ended, nothing was fetched",
  "batch.cancel_answered": "the provider has been asked to cancel, that is not recorded",
  "batch.chunk_read": "a chunk of results was read, nothing of it is recorded",
  "batch.chunk_recorded": "a chunk of results is settled, its number is not counted",
  "batch.counted": "all results are settled and counted, the batch has not ended",
  "batch.ingested": "a batch has come to its end",

  "doubt.listed": "a complete listing was read, nothing was decided",
  "doubt.adopted": "a batch in doubt was found, its lines are not running yet",
  "doubt.counted": "a clear listing was counted",
  "doubt.given_up": "a batch was given up, its lines are still in it",
  "doubt.returned": "a chunk of lines went back, their batch has not ended",

  "ends.written": "ends of lines or of lost calls are written, not committed",
  "reaper.declared": "processes are declared dead, what they left is not booked",
  "reaper.booked": "what the dead left is booked, nobody was told",
  "unclaimed.returned": "jobs that nobody claimed went back, nobody was told",
} as const;

export type Point = keyof typeof points;

/** Marks that a point has been reached. */
export function reach(_point: Point): void {
  // Nothing: see the top.
}
