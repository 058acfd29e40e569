-- How often the model of these jobs has answered others after it had refused them; jobs of which it never did are left out.
--
-- $1 job_id text[]
-- rows: up to one per job
-- locks: none
-- index: suspect_jobs_pkey
SELECT s.job_id, s.times FROM suspect_jobs s WHERE s.job_id = ANY ($1::text[])
