-- The attempts of one job, in order: the trace of everything that was tried for it.
--
-- $1 job_id text  $2 tenant_id text
-- rows: 0..n
-- locks: none
-- index: attempts_pkey
SELECT no, lane, state, outcome, retry_reason, credential_id, message_batch_id, job_type, prompt_version, model, request_sha256,
       request_bytes, prompt_masked, answer_sha256, answer_masked, http_status, error_type, request_id, stop_reason, usage, worst_nano, cost_nano,
       realtime_nano, price_id, guard_verdict, input_tokens_max, output_tokens_max, queued_at, dispatched_at, claimed_at, sent_at, answered_at, recorded_at, late
  FROM attempts
 WHERE job_id = $1::text AND tenant_id = $2::text
 ORDER BY no
