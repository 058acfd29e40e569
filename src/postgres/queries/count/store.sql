-- Writes counts to their jobs while these wait without one; 0 says that a request is none the provider counts.
--
-- $1 job_id text[]  $2 tokens integer[]
-- rows: one per job
-- locks: jobs in id order
-- index: jobs_pkey
WITH waiting AS MATERIALIZED (
  SELECT j.id FROM jobs j WHERE j.id = ANY ($1::text[]) AND j.state = 'queued' AND j.input_tokens_counted IS NULL ORDER BY j.id FOR UPDATE
)
UPDATE jobs j
   SET input_tokens_counted = c.tokens
  FROM unnest($1::text[], $2::integer[]) AS c(job_id, tokens) JOIN waiting w ON w.id = c.job_id
 WHERE j.id = c.job_id
RETURNING j.id
