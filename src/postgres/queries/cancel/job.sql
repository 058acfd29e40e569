-- Cancels one job that has no outcome yet, tells its worker if it is running in the realtime lane, and writes the audit event.
-- What was sent already is still answered, recorded and paid for: the job just has its outcome.
--
-- $1 job_id text  $2 tenant_id text | null (any)  $3 actor text  $4 reason text | null
-- rows: 0 or 1
-- locks: the job, then the audit chain
-- index: jobs_pkey
-- not null: bulk_id, prior_state, canceled
WITH prior AS MATERIALIZED (
  SELECT id, tenant_id, bulk_id, state, lane, message_batch_id FROM jobs
   WHERE id = $1::text AND ($2::text IS NULL OR tenant_id = $2::text) FOR UPDATE
), canceled AS (
  UPDATE jobs j
     SET state = 'canceled', cancel_requested_at = now(), finished_at = clock_timestamp(), finish_seq = nextval('job_finish_seq'),
         wait_reason = NULL, not_before = NULL, lease_until = NULL, process_id = NULL
    FROM prior p
   WHERE j.id = p.id AND p.state IN ('queued', 'dispatched', 'running', 'awaiting_approval')
  RETURNING j.id
)
SELECT p.bulk_id, p.state AS prior_state, p.message_batch_id, c.id IS NOT NULL AS canceled,
       CASE WHEN c.id IS NOT NULL AND p.lane = 'realtime' AND p.state = 'running' THEN pg_notify('sluice_cancel', p.id)::text END AS told,
       CASE WHEN c.id IS NOT NULL THEN
         append_audit(p.tenant_id, $3::text, 'job.cancel', 'job', p.id, jsonb_build_object('reason', $4::text, 'state', p.state)) END AS audit_id
  FROM prior p LEFT JOIN canceled c ON c.id = p.id
