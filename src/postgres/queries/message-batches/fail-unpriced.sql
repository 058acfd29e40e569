-- Ends lines whose model has no price: work whose cost is not known is refused, and nothing was sent.
--
-- $1 job_id text[]
-- rows: none
-- locks: jobs
-- index: jobs_pkey
UPDATE jobs
   SET state = 'failed', failure_code = 'price_unknown', failure_fault = 'policy', wait_reason = NULL, not_before = NULL,
       finished_at = clock_timestamp(), finish_seq = nextval('job_finish_seq')
 WHERE id = ANY ($1::text[]) AND state = 'queued'
