-- The attempt that a claim of this process has opened for a dispatch: asked when the answer to the claim's commit was lost.
--
-- $1 job_id text  $2 dispatch_no integer  $3 process_id text
-- rows: 0 or 1
-- locks: none
-- index: jobs_pkey, attempts_pkey
SELECT a.no
  FROM jobs j JOIN attempts a ON a.job_id = j.id AND a.no = j.attempt_no
 WHERE j.id = $1::text AND j.dispatch_no = $2::integer AND a.state = 'open' AND a.lane = 'realtime' AND a.process_id = $3::text
