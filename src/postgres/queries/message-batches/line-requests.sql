-- What some lines are rendered from, in the order of jobs: the request as it was accepted and bounded, and the size and the cap it is sent with.
--
-- $1 job_id text[]
-- rows: one per job whose input is there
-- locks: none
-- index: jobs_pkey, job_inputs_pkey, attempts_pkey, job_turns_pkey
SELECT j.id, j.bulk_id, j.job_type, j.prompt_version, j.request_sha256, j.output_tokens_max AS declared_tokens, a.output_tokens_max,
       j.input_tokens_max, j.cache_write, j.may_run_in_us, j.web_searches_max, a.request_bytes, i.input,
       CASE WHEN j.continuations > 0 THEN ARRAY(SELECT t.turn FROM job_turns t WHERE t.job_id = j.id ORDER BY t.attempt_no) END AS turns
  FROM jobs j JOIN job_inputs i ON i.job_id = j.id JOIN attempts a ON a.job_id = j.id AND a.no = j.attempt_no
 WHERE j.id = ANY ($1::text[])
 ORDER BY j.id
