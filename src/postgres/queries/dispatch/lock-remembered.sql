-- Locks, of jobs whose refusal is remembered, those that are queued in these bulks and due, as dispatch/lock-queued does with others.
--
-- $1 job_id text[]  $2 bulk_id text[]  $3 horizon timestamptz (later retries are left for later)  $4 now timestamptz
-- rows: up to one per job
-- locks: jobs; rows locked by others are skipped
-- index: jobs_pkey
-- not null: attempts_counted
SELECT j.id, j.tenant_id, j.bulk_id, j.queue_id, j.job_type, j.model, j.input_tokens_max, j.output_tokens_max, j.cache_write,
       j.may_run_in_us, j.web_searches_max, j.not_before, j.priority, j.wait_reason, j.labels::text AS labels, j.may_wait,
       j.prompt_version, j.input_tokens_counted, j.full_cap, j.deadline_at, (j.attempts_paid - j.continuations)::smallint AS attempts_counted, j.attempts_max
  FROM jobs j
 WHERE j.id = ANY ($1::text[]) AND j.bulk_id = ANY ($2::text[]) AND j.lane = 'realtime' AND j.state = 'queued'
   AND (j.not_before IS NULL OR j.not_before <= CASE WHEN j.wait_reason = 'budget' THEN $4::timestamptz ELSE $3::timestamptz END)
 ORDER BY j.id FOR UPDATE SKIP LOCKED
