-- Writes down that queued jobs are held by a pause, a stop or a refused model, once.
--
-- $1 job_id text[]  $2 wait_reason text
-- rows: none
-- locks: jobs (held by the caller's transaction already)
-- index: jobs_pkey
UPDATE jobs SET wait_reason = $2 WHERE id = ANY ($1::text[]) AND state = 'queued' AND wait_reason IS DISTINCT FROM $2
