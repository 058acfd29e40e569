-- One job of one tenant with its result; result and key are gone once its bulk was deleted.
--
-- $1 id text  $2 tenant_id text
-- rows: 0 or 1
-- locks: none
-- index: jobs_pkey, job_results_pkey, job_turns_pkey
-- not null: input_tokens_max, output_tokens_max, cache_write, may_run_in_us, web_searches_max, continuations, id, bulk_id, queue_id, queue_name, queue_shared, line, job_type, lane, urgency, priority, labels, state, attempts_paid, tries, attempts_max, model, prompt_version, cost_nano, realtime_nano, presumed_nano, created_at, queued_at, expires_at
SELECT j.id, j.bulk_id, j.queue_id, q.name AS queue_name, q.tenant_id = 'installation' AS queue_shared, j.line, j.key, j.job_type, j.lane,
       j.urgency, j.deadline_at, j.downgraded_at, j.input_tokens_max, j.output_tokens_max, j.cache_write, j.may_run_in_us, j.web_searches_max, j.priority,
       coalesce(j.labels, b.labels) AS labels, j.state,
       CASE WHEN b.approval = 'waiting' AND j.state = 'queued' THEN 'approval' ELSE j.wait_reason END AS wait_reason, j.not_before, j.attempts_paid,
       j.tries, j.continuations, j.attempts_max, j.retry_reason, j.cancel_requested_at, j.message_batch_id, j.model, j.prompt_version, j.failure_code,
       j.failure_fault, j.retry_of, j.cost_nano, j.realtime_nano, j.presumed_nano, j.created_at, j.queued_at, j.dispatched_at,
       j.finished_at,
       CASE WHEN b.finished_at IS NULL THEN b.expires_at + suspended_for(b) ELSE b.expires_at END AS expires_at,
        b.deleted_at, coalesce(r.output, t.output) AS output, r.confidence, r.abstained, r.decided_by,
       CASE WHEN t.output IS NULL THEN r.reason ELSE coalesce(r.reason, 'pause_turn') END AS reason
  FROM jobs j
  JOIN bulks b ON b.id = j.bulk_id
  JOIN queues q ON q.id = j.queue_id
  LEFT JOIN job_results r ON r.job_id = j.id
 CROSS JOIN LATERAL (SELECT output_of_turns(j.id, j.state, j.continuations) AS output) t
 WHERE j.id = $1::text AND j.tenant_id = $2::text
