-- Writes down that queued lines wait for a budget. Those with labels of their own rest a while, as in dispatch/mark-waiting.sql.
--
-- $1 job_id text[]  $2 rest_until timestamptz
-- rows: none
-- locks: jobs (held by the caller's transaction already)
-- index: jobs_pkey
UPDATE jobs
   SET wait_reason = 'budget', not_before = CASE WHEN labels IS NULL THEN not_before ELSE $2::timestamptz END
 WHERE id = ANY ($1::text[]) AND state = 'queued' AND (wait_reason IS DISTINCT FROM 'budget' OR labels IS NOT NULL)
