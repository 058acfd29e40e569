-- Sends back realtime jobs that were dispatched and not claimed in time: their queue entry was lost or could not start.
--
-- $1 rows_max integer
-- rows: one per job sent back
-- locks: the jobs changed, skipping those being claimed
-- index: jobs_unclaimed
UPDATE jobs
   SET state = 'queued', queued_at = clock_timestamp(), lease_until = NULL, dispatched_at = NULL, wait_reason = NULL
 WHERE id IN (SELECT id FROM jobs
               WHERE state = 'dispatched' AND lane = 'realtime' AND lease_until < clock_timestamp()
               ORDER BY lease_until LIMIT $1::integer FOR UPDATE SKIP LOCKED)
   AND state = 'dispatched'
RETURNING id, queue_id
