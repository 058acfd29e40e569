-- Locks the next queued realtime jobs of several bulks, by priority and age, so many of each. Models that may not be called now are
-- passed over, so that they do not stand in the way of the others, and so are jobs with labels of their own of which one is full, and
-- jobs whose refusal is remembered: at the head of their bulk they would be all that a small share ever sees (dispatch/lock-remembered).
--
-- The coalesce keeps the planner from guessing: of a table with one model it expects that nothing is left, and sorts all of each bulk.
--
-- A retry is taken some time before it is due; one that rests because a ceiling had no room for it is not, or it would not rest.
--
-- $1 bulk_id text[]  $2 jobs_max integer[]  $3 horizon timestamptz (later retries are left for later)  $4 now timestamptz
-- $5 closed_models text[]  $6 full_label text[] (JSON)  $7 full_tenant text[] (whose work that label is full for; null: everybody's)
-- $8 remembered text[] (job ids)
-- rows: one per job
-- locks: jobs; rows locked by others are skipped
-- index: jobs_queued, bulks_pkey
-- not null: attempts_counted
SELECT j.id, j.tenant_id, j.bulk_id, j.queue_id, j.job_type, j.model, j.input_tokens_max, j.output_tokens_max, j.cache_write,
       j.may_run_in_us, j.web_searches_max, j.not_before, j.priority, j.wait_reason, j.labels::text AS labels, j.may_wait,
       j.prompt_version, j.input_tokens_counted, j.full_cap, j.deadline_at, (j.attempts_paid - j.continuations)::smallint AS attempts_counted, j.attempts_max
  FROM unnest($1::text[], $2::integer[]) AS w(bulk_id, jobs_max)
  JOIN bulks b ON b.id = w.bulk_id
 CROSS JOIN LATERAL (
   SELECT coalesce(array_agg(f.label::jsonb), '{}') AS labels FROM unnest($6::text[], $7::text[]) AS f(label, tenant_id)
    WHERE f.tenant_id IS NULL OR f.tenant_id = b.tenant_id
 ) full_here
 CROSS JOIN LATERAL (
   SELECT * FROM jobs q
    WHERE q.bulk_id = w.bulk_id AND q.lane = 'realtime' AND q.state = 'queued' AND (q.not_before IS NULL OR q.not_before <= CASE WHEN q.wait_reason = 'budget' THEN $4::timestamptz ELSE $3::timestamptz END)
      AND NOT coalesce(q.model = ANY ($5::text[]), false)
      AND NOT q.id = ANY ($8::text[])
      AND (q.labels IS NULL OR NOT q.labels @> ANY (full_here.labels))
    ORDER BY q.priority DESC, q.id LIMIT w.jobs_max FOR UPDATE SKIP LOCKED
 ) j
