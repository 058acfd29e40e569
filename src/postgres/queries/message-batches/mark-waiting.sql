-- Writes down that queued lines wait for a budget, once.
--
-- $1 job_id text[]
-- rows: none
-- locks: jobs
-- index: jobs_pkey
UPDATE jobs SET wait_reason = 'budget' WHERE id = ANY ($1::text[]) AND state = 'queued' AND wait_reason IS DISTINCT FROM 'budget'
