-- What the next job of each lane waits for: the first in the order in which they are taken, not a count over all of them.
--
-- $1 bulk_id text
-- rows: one per lane at most
-- locks: none
-- index: jobs_queued
-- not null: lane
SELECT l.lane, j.wait_reason, j.not_before
  FROM (VALUES ('realtime'), ('batch')) AS l(lane)
  CROSS JOIN LATERAL (
    SELECT wait_reason, not_before FROM jobs
     WHERE bulk_id = $1::text AND lane = l.lane AND state = 'queued'
     ORDER BY priority DESC, id
     LIMIT 1
  ) j
