-- Puts dispatched jobs back into their queue without an attempt: a ceiling is in the way, the gate is shut, the pace says later.
--
-- $1 job_id text[]  $2 dispatch_no integer[]  $3 wait_reason text[]  $4 not_before timestamptz[]
-- rows: none
-- locks: jobs
-- index: jobs_pkey
UPDATE jobs j
   SET state = 'queued', lease_until = NULL, wait_reason = r.wait_reason, not_before = r.not_before
  FROM unnest($1::text[], $2::integer[], $3::text[], $4::timestamptz[]) AS r(job_id, dispatch_no, wait_reason, not_before)
 WHERE j.id = r.job_id AND j.dispatch_no = r.dispatch_no AND j.state = 'dispatched'
