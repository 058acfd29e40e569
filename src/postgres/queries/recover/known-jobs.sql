-- Which of the jobs named by a found batch the restored rows have, with what bounds their cost.
--
-- $1 job_id text[]
-- rows: one per job that is known
-- locks: none
-- index: jobs_pkey
SELECT j.id, j.tenant_id, j.bulk_id, j.queue_id, j.job_type, j.model, j.input_tokens_max, j.output_tokens_max, j.cache_write, j.may_run_in_us, j.web_searches_max,
       j.labels::text AS labels
  FROM jobs j WHERE j.id = ANY ($1::text[])
