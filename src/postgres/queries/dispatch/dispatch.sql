-- Moves queued jobs to dispatched under a new dispatch number, if this dispatcher still holds its lease. The lease of the
-- dispatch is how long a worker has to claim it; one that waits for its time gets that time on top.
--
-- $1 job_id text[]  $2 holder text  $3 epoch bigint  $4 lease_ms integer
-- rows: one per dispatched job; none if the dispatcher's lease is gone
-- locks: jobs
-- index: jobs_pkey, leases_pkey
UPDATE jobs j
   SET state = 'dispatched', dispatch_no = j.dispatch_no + 1, dispatched_at = now(), wait_reason = NULL,
       lease_until = greatest(now(), coalesce(j.not_before, now())) + $4::integer * interval '1 millisecond'
 WHERE j.id = ANY ($1::text[]) AND j.state = 'queued'
   AND EXISTS (SELECT 1 FROM leases l WHERE l.name = 'dispatcher' AND l.holder = $2 AND l.epoch = $3 AND l.expires_at > now())
RETURNING j.id, j.dispatch_no, j.not_before, j.tenant_id, j.bulk_id, j.queue_id, j.job_type, j.model
