-- Locks, of jobs whose refusal is remembered, those that are queued in these bulks and due, as dispatch/lock-queued does with others.
-- The look-up is by id alone, as in claim/lock-jobs.
--
-- $1 job_id text[]  $2 bulk_id text[]  $3 horizon timestamptz (later retries are left for later)  $4 now timestamptz
-- rows: up to one per job
-- locks: jobs, those that are not queued among them; rows locked by others are skipped
-- index: jobs_pkey
-- not null: attempts_counted
SELECT j.id, j.tenant_id, j.bulk_id, j.queue_id, j.job_type, j.model, j.input_tokens_max, j.output_tokens_max, j.cache_write,
       j.may_run_in_us, j.web_searches_max, j.not_before, j.priority, j.wait_reason, j.labels::text AS labels, j.may_wait,
       j.prompt_version, j.input_tokens_counted, j.full_cap, j.deadline_at, (j.attempts_paid - j.continuations)::smallint AS attempts_counted, j.attempts_max
  FROM unnest($1::text[]) AS r(job_id)
 CROSS JOIN LATERAL (SELECT * FROM jobs q WHERE q.id = r.job_id OFFSET 0 FOR UPDATE SKIP LOCKED) j
 WHERE j.bulk_id = ANY ($2::text[]) AND j.lane = 'realtime' AND j.state = 'queued'
   AND (j.not_before IS NULL OR j.not_before <= CASE WHEN j.wait_reason = 'budget' THEN $4::timestamptz ELSE $3::timestamptz END)
