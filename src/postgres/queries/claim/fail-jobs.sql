-- Ends jobs that were never sent: no price for their model, no attempts left, a job type that is gone.
--
-- $1 job_id text[]  $2 failure_code text[]  $3 failure_fault text[]
-- rows: none
-- locks: jobs
-- index: jobs_pkey
UPDATE jobs j
   SET state = 'failed', failure_code = f.code, failure_fault = f.fault, finished_at = clock_timestamp(),
       finish_seq = nextval('job_finish_seq'), lease_until = NULL, wait_reason = NULL
  FROM unnest($1::text[], $2::text[], $3::text[]) AS f(job_id, code, fault)
 WHERE j.id = f.job_id AND j.state IN ('queued', 'dispatched')
