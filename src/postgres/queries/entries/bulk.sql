-- A bulk's scope and end, and what its next waiting job in each lane says it waits for: a bulk that waits for a second person, for
-- that.
--
-- $1 bulk_id text[]
-- rows: many
-- locks: none
-- index: bulks_pkey, jobs_queued
SELECT b.id, b.tenant_id, b.queue_id, b.job_type, b.accepted, b.canceled_at, b.finished_at, b.deleted_at,
       CASE b.approval WHEN 'waiting' THEN 'approval' ELSE
         (SELECT j.wait_reason FROM jobs j WHERE j.bulk_id = b.id AND j.state = 'queued' AND j.lane = 'realtime' ORDER BY j.priority DESC, j.id LIMIT 1)
       END AS realtime_wait,
       (SELECT j.wait_reason FROM jobs j WHERE j.bulk_id = b.id AND j.state = 'queued' AND j.lane = 'batch' ORDER BY j.priority DESC, j.id LIMIT 1) AS batch_wait
  FROM bulks b WHERE b.id = ANY ($1::text[])
