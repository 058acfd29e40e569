-- Opens the attempts that a found message batch must have had, so that its ingest settles them and stores their results. Jobs
-- without an outcome run in it from now on, those included that were in the realtime lane at the backup and went to the batch lane
-- since; the others are only paid for.
--
-- $1 job_id text[]  $2 worst_nano bigint[]  $3 price_id text[]  $4 window_ids text[] (each a bigint array literal)
-- $5 message_batch_id text  $6 hold_id text  $7 credential_id text  $8 created_at timestamptz
-- $9 cut_at integer[] (output tokens at which an answer was cut; null: it was not)
--
-- What an attempt was sent with is not known, but an answer that was cut below the declared cap shows it, where the type is right-sized:
-- it was cut by ours, and its job is owed a turn with the declared one.
-- rows: none
-- locks: jobs (held by the caller's transaction already)
-- index: jobs_pkey, right_sizes_pkey
WITH line AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $9::integer[]) AS l(job_id, worst_nano, price_id, window_ids, cut_at)
), moved AS (
  UPDATE jobs j
     SET attempt_no = j.attempt_no + 1,
         lane = CASE WHEN j.finished_at IS NULL AND j.state = 'queued' THEN 'batch' ELSE j.lane END,
         state = CASE WHEN j.finished_at IS NULL AND (j.lane = 'batch' OR j.state = 'queued') THEN 'running' ELSE j.state END,
         message_batch_id = CASE WHEN j.finished_at IS NULL AND (j.lane = 'batch' OR j.state = 'queued') THEN $5::text ELSE j.message_batch_id END,
         dispatch_no = j.dispatch_no + CASE WHEN j.finished_at IS NULL AND (j.lane = 'batch' OR j.state = 'queued') THEN 1 ELSE 0 END,
         dispatched_at = CASE WHEN j.finished_at IS NULL AND (j.lane = 'batch' OR j.state = 'queued') THEN $8::timestamptz ELSE j.dispatched_at END,
         wait_reason = CASE WHEN j.finished_at IS NULL AND (j.lane = 'batch' OR j.state = 'queued') THEN NULL ELSE j.wait_reason END
    FROM line l
   WHERE j.id = l.job_id
  RETURNING j.id, j.attempt_no, j.tenant_id, j.bulk_id, j.job_type, j.prompt_version, j.model, j.request_sha256, j.request_bytes,
            j.retry_reason, j.queued_at,
            CASE WHEN l.cut_at < j.output_tokens_max AND EXISTS (SELECT 1 FROM right_sizes s WHERE s.job_type = j.job_type) THEN l.cut_at END AS cap,
            l.worst_nano, l.price_id, l.window_ids
)
INSERT INTO attempts (job_id, no, tenant_id, bulk_id, lane, credential_id, message_batch_id, hold_id, window_ids, job_type, prompt_version,
  model, request_sha256, request_bytes, worst_nano, price_id, price_at, retry_reason, queued_at, dispatched_at, claimed_at, sent_at,
  output_tokens_max)
SELECT m.id, m.attempt_no, m.tenant_id, m.bulk_id, 'batch', $7::text, $5::text, $6::text, m.window_ids::bigint[], m.job_type, m.prompt_version,
       m.model, m.request_sha256, m.request_bytes, m.worst_nano, m.price_id, $8::timestamptz, m.retry_reason, m.queued_at, $8::timestamptz,
       $8::timestamptz, $8::timestamptz, m.cap
  FROM moved m
