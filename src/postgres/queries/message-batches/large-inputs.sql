-- The inputs of some lines that are too large to be read with all others.
--
-- $1 job_id text[]
-- rows: many
-- locks: none
-- index: job_inputs_pkey
SELECT job_id, input FROM job_inputs WHERE job_id = ANY ($1::text[])
