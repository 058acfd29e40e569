-- Moves claimed jobs to running and opens their attempts. Their holds were inserted just before, in the same transaction.
--
-- $1 job_id text[]  $2 attempt_no smallint[]  $3 process_id text  $4 credential_id text  $5 hold_id text[]
-- $6 window_ids text[] (each a bigint array literal)  $7 worst_nano bigint[]  $8 price_id text[]  $9 price_at timestamptz
-- $10 input_tokens_max integer[]  $11 output_tokens_max integer[] (what the hold was computed from)
-- rows: none
-- locks: jobs (held by the caller's transaction already)
-- index: jobs_pkey
WITH started AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::smallint[], $5::text[], $6::text[], $7::bigint[], $8::text[], $10::integer[], $11::integer[])
    AS s(job_id, attempt_no, hold_id, window_ids, worst_nano, price_id, input_tokens_max, output_tokens_max)
), moved AS (
  UPDATE jobs j
     SET state = 'running', attempt_no = s.attempt_no, process_id = $3, wait_reason = NULL, lease_until = NULL, not_before = NULL
    FROM started s
   WHERE j.id = s.job_id AND j.state = 'dispatched'
  RETURNING j.*
)
INSERT INTO attempts (job_id, no, tenant_id, bulk_id, lane, credential_id, process_id, hold_id, window_ids, job_type, prompt_version,
  model, request_sha256, request_bytes, worst_nano, price_id, price_at, retry_reason, queued_at, dispatched_at,
  input_tokens_max, output_tokens_max)
SELECT m.id, m.attempt_no, m.tenant_id, m.bulk_id, 'realtime', $4, $3, s.hold_id, s.window_ids::bigint[], m.job_type, m.prompt_version,
       m.model, m.request_sha256, m.request_bytes, s.worst_nano, s.price_id, $9, m.retry_reason, m.queued_at, m.dispatched_at,
       s.input_tokens_max, s.output_tokens_max
  FROM moved m JOIN started s ON s.job_id = m.id
