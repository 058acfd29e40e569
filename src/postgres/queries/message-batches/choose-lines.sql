-- Locks the next waiting lines of several bulks, by priority and age, so many of each. Models that may not be called now are
-- passed over, so that they do not stand in the way of the others.
-- The coalesce keeps the planner from guessing: of a table with one model it expects that nothing is left, and sorts all of each bulk.
--
-- $1 bulk_id text[]  $2 lines_max integer[]  $3 now timestamptz  $4 closed_models text[]
-- rows: one per line, bulk by bulk in their order
-- locks: jobs; rows locked by others are skipped
-- index: jobs_queued
-- not null: attempts_counted
SELECT j.id, j.tenant_id, j.bulk_id, j.queue_id, j.job_type, j.model, j.request_bytes, j.input_tokens_max, j.output_tokens_max,
       j.cache_write, j.may_run_in_us, j.web_searches_max, j.attempt_no, j.tries, j.retry_reason, j.wait_reason, j.queued_at, j.labels::text AS labels,
       j.prompt_version, j.input_tokens_counted, j.full_cap, j.deadline_at, (j.attempts_paid - j.continuations)::smallint AS attempts_counted, j.attempts_max
  FROM unnest($1::text[], $2::integer[]) AS share(bulk_id, lines_max)
 CROSS JOIN LATERAL (
   SELECT * FROM jobs q
    WHERE q.bulk_id = share.bulk_id AND q.lane = 'batch' AND q.state = 'queued' AND (q.not_before IS NULL OR q.not_before <= $3)
      AND NOT coalesce(q.model = ANY ($4::text[]), false)
    ORDER BY q.priority DESC, q.id LIMIT share.lines_max FOR UPDATE SKIP LOCKED
 ) j
