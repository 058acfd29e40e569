-- Moves chosen lines into a message batch and opens their attempts. Their hold follows in the same transaction.
-- The state they must be in comes as a column: as a constant it would let the planner walk all of jobs_queued for a few lines.
--
-- $1 job_id text[]  $2 worst_nano bigint[]  $3 price_id text[]  $4 window_ids text[] (each a bigint array literal)
-- $5 message_batch_id text  $6 hold_id text  $7 credential_id text  $8 process_id text  $9 now timestamptz
-- $10 request_bytes integer[] (with the cap it is sent with)  $11 input_tokens_max integer[]  $12 output_tokens_max integer[]
-- rows: none
-- locks: jobs (held by the caller's transaction already)
-- index: jobs_pkey
WITH chosen AS MATERIALIZED (
  SELECT c.*, 'queued'::text AS state FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $10::integer[], $11::integer[], $12::integer[])
    AS c(job_id, worst_nano, price_id, window_ids, request_bytes, input_tokens_max, output_tokens_max)
), moved AS (
  UPDATE jobs j
     SET state = 'dispatched', message_batch_id = $5::text, attempt_no = j.attempt_no + 1, dispatch_no = j.dispatch_no + 1,
         dispatched_at = $9::timestamptz, wait_reason = NULL, not_before = NULL
    FROM chosen c
   WHERE j.id = c.job_id AND j.state = c.state
  RETURNING j.id, j.attempt_no, j.tenant_id, j.bulk_id, j.job_type, j.prompt_version, j.model, j.request_sha256,
            j.retry_reason, j.queued_at, c.worst_nano, c.price_id, c.window_ids, c.request_bytes, c.input_tokens_max, c.output_tokens_max
)
INSERT INTO attempts (job_id, no, tenant_id, bulk_id, lane, credential_id, process_id, message_batch_id, hold_id, window_ids, job_type,
  prompt_version, model, request_sha256, request_bytes, worst_nano, price_id, price_at, retry_reason, queued_at, dispatched_at, claimed_at,
  input_tokens_max, output_tokens_max)
SELECT m.id, m.attempt_no, m.tenant_id, m.bulk_id, 'batch', $7::text, $8::text, $5::text, $6::text, m.window_ids::bigint[], m.job_type,
       m.prompt_version, m.model, m.request_sha256, m.request_bytes, m.worst_nano, m.price_id, $9::timestamptz, m.retry_reason, m.queued_at,
       $9::timestamptz, $9::timestamptz, m.input_tokens_max, m.output_tokens_max
  FROM moved m
