-- Moves realtime jobs that may wait to the batch lane, because the ceiling in their way says so. They keep the time they have waited
-- since, and what they have cost. An entry of the queue that still names them finds them gone.
--
-- $1 job_id text[]  $2 at timestamptz
-- rows: the id of every job that was moved
-- locks: jobs (held by the caller's transaction already)
-- index: jobs_pkey
UPDATE jobs
   SET lane = 'batch', state = 'queued', wait_reason = 'batch', lease_until = NULL, not_before = NULL, downgraded_at = $2::timestamptz
 WHERE id = ANY ($1::text[]) AND lane = 'realtime' AND may_wait AND state IN ('queued', 'dispatched')
RETURNING id
