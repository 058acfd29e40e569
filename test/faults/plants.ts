// Defects planted in an edition of the program, by which the referee proves itself: each is a way in which software of this kind
// has lost money or work. A plant is a change of source text that only exists in its edition.

import type { Patch } from "./edition.ts";

export interface Plant {
  readonly about: string;
  readonly patches: readonly Patch[];
}

const closeAttempts = "src/postgres/queries/record/close-attempts.sql";

export const plants: Readonly<Record<string, Plant>> = {
  "sdk-retries-on": {
    about: "the SDK repeats a request whose answer was lost",
    patches: [{ file: "src/provider/client.ts", find: "maxRetries: 0", replace: "maxRetries: 2" }],
  },
  "void-at-once": {
    about: "a batch in doubt that one listing does not show is given up and its lines are sent again",
    patches: [
      {
        file: "src/domain/message-batch.ts",
        find: "if (listedAt < visibleFrom) return",
        replace: 'if (listedAt.getTime() > 0) return { kind: "void" };\n  if (listedAt < visibleFrom) return',
      },
    ],
  },
  "hold-freed-at-submit": {
    about: "the money of a message batch is free again once the provider has taken it",
    patches: [
      {
        file: "src/lanes/batch/submit.ts",
        find: "  if (!lease.isAlive()) return done;\n  await startLines",
        replace: `  await deps.pool.query(
    \`WITH freed AS (UPDATE hold_parts p SET remaining_nano = 0 FROM hold_parts was
        WHERE p.hold_id = $1 AND was.hold_id = p.hold_id AND was.window_id = p.window_id
        RETURNING p.window_id, was.remaining_nano AS nano),
      hold AS (UPDATE holds SET remaining_nano = 0, state = 'released', closed_at = now() WHERE id = $1 AND state = 'open')
     UPDATE budget_windows w SET held_nano = w.held_nano - f.nano FROM freed f WHERE w.id = f.window_id\`,
    [batch.hold_id],
  );
  if (!lease.isAlive()) return done;
  await startLines`,
      },
    ],
  },
  "settle-twice": {
    about: "an attempt that has been settled is settled again by whoever comes by",
    patches: [
      {
        file: closeAttempts,
        find: "WHERE a.state = 'open' OR (a.state = 'presumed' AND NOT a.late AND i.state IN ('settled', 'unpaid'))",
        replace:
          "WHERE a.state IN ('open', 'settled') OR (a.state = 'presumed' AND NOT a.late AND i.state IN ('settled', 'unpaid'))",
      },
      {
        file: closeAttempts,
        find: "SELECT v.tenant_id, CASE WHEN v.prior_state = 'presumed' THEN 'correction'",
        replace: "SELECT v.tenant_id, CASE WHEN v.prior_state <> 'open' THEN 'correction'",
      },
    ],
  },
  "blind-requeue": {
    about: "what a killed worker had in flight is tried again as if it had cost nothing",
    patches: [
      {
        file: "src/upkeep/reaper.ts",
        find: `      state: "presumed",
      outcome: "lost_worker",
      costNano: orphan.worst_nano,
      realtimeNano: orphan.worst_nano,`,
        replace: `      state: "unpaid",
      outcome: "lost_worker",
      costNano: 0n,
      realtimeNano: 0n,`,
      },
    ],
  },
  "poll-lost-after-flush": {
    about: "nobody looks for message batches whose wake-up the queue has lost",
    patches: [
      {
        file: "src/lanes/batch/lane.ts",
        find: "    await wakeAll(overdue);\n    return overdue.length;",
        replace: "    return overdue.length;",
      },
    ],
  },
  "late-writer": {
    about: "a worker that was taken for dead and comes back ends a job that has its outcome",
    patches: [
      {
        file: closeAttempts,
        find: "THEN p.has_result AND p.next_state = 'succeeded' AND j.state IN ('queued', 'dispatched', 'running')",
        replace: "THEN p.has_result AND p.next_state = 'succeeded'",
      },
    ],
  },
  "cut-results-accepted": {
    about: "a download that ended early is taken for all there is",
    patches: [
      {
        file: "src/lanes/batch/ingest.ts",
        find: "const complete = progress.seen.size === batch.line_count && expected === batch.line_count;",
        replace: "const complete = expected === batch.line_count;",
      },
      {
        file: "src/postgres/queries/message-batches/finish-ingest.sql",
        find: `WHERE b.id = $1 AND b.process_id = $2 AND b.state = 'ended'
   AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.message_batch_id = b.id AND a.state = 'open' AND a.lane = 'batch')`,
        replace: "WHERE b.id = $1 AND b.process_id = $2 AND b.state = 'ended'",
      },
    ],
  },
};
