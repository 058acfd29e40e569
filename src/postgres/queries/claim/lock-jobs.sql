-- Locks dispatched realtime jobs for a claim and reads what the call needs. A job that is no longer in this dispatch (somebody
-- requeued, cancelled or dispatched it anew) is not in the answer.
--
-- The look-up is by id alone (OFFSET 0 keeps the rest out of it): with the state in it the planner, when it plans on an empty
-- table, reads the whole window for each job.
--
-- $1 job_id text[] (sorted)  $2 dispatch_no integer[]
-- rows: one per job that is still to be claimed
-- locks: jobs in the order given, until the end of the transaction; rows locked by others are skipped
-- index: jobs_pkey, job_inputs_pkey, job_turns_pkey
-- not null: attempts_counted
SELECT j.id, j.dispatch_no, j.tenant_id, j.bulk_id, j.queue_id, j.job_type, j.model, j.prompt_version, j.request_bytes, j.request_sha256,
       j.input_tokens_max, j.output_tokens_max, j.cache_write, j.may_run_in_us, j.web_searches_max, j.attempt_no,
       (j.attempts_paid - j.continuations)::smallint AS attempts_counted, j.attempts_max,
       j.tries, j.retry_reason, j.queued_at, j.dispatched_at, j.labels::text AS labels, j.may_wait, j.input_tokens_counted, j.full_cap,
       j.deadline_at, i.input,
       CASE WHEN j.continuations > 0 THEN ARRAY(SELECT t.turn FROM job_turns t WHERE t.job_id = j.id ORDER BY t.attempt_no) END AS turns
  FROM unnest($1::text[], $2::integer[]) WITH ORDINALITY AS c(job_id, dispatch_no, place)
 CROSS JOIN LATERAL (SELECT * FROM jobs q WHERE q.id = c.job_id OFFSET 0 FOR UPDATE SKIP LOCKED) j
  JOIN job_inputs i ON i.job_id = j.id
 WHERE j.dispatch_no = c.dispatch_no AND j.state = 'dispatched' AND j.lane = 'realtime'
 ORDER BY c.place
