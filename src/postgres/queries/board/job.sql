-- One job as the installation's people see it: ids, state and money, no content.
--
-- $1 id text
-- rows: 0 or 1
-- locks: none
-- index: jobs_pkey
SELECT j.id, t.name AS tenant_name, q.name AS queue_name, j.bulk_id, j.line, j.job_type, j.lane, j.urgency, j.deadline_at, j.priority,
       j.state, j.wait_reason, j.not_before, j.retry_reason, j.failure_code, j.failure_fault, j.attempts_paid, j.attempts_max, j.tries,
       j.model, j.prompt_version, j.message_batch_id, j.cost_nano, j.presumed_nano, j.created_at, j.queued_at, j.dispatched_at, j.finished_at
  FROM jobs j JOIN tenants t ON t.id = j.tenant_id JOIN queues q ON q.id = j.queue_id
 WHERE j.id = $1::text
