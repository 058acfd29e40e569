-- What some lines are rendered from, in the order of jobs.
--
-- $1 job_id text[]
-- rows: one per job whose input is there
-- locks: none
-- index: jobs_pkey, job_inputs_pkey, job_turns_pkey
SELECT j.id, j.bulk_id, j.job_type, j.prompt_version, j.request_bytes, j.request_sha256, i.input,
       CASE WHEN j.continuations > 0 THEN ARRAY(SELECT t.turn FROM job_turns t WHERE t.job_id = j.id ORDER BY t.attempt_no) END AS turns
  FROM jobs j JOIN job_inputs i ON i.job_id = j.id
 WHERE j.id = ANY ($1::text[])
 ORDER BY j.id
