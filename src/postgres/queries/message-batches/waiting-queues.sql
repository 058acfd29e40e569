-- The queues in which lines wait for a message batch.
--
-- $1 now timestamptz
-- rows: many
-- locks: none
-- index: bulks_unfinished, jobs_queued
SELECT q.id AS queue_id, q.tenant_id
  FROM queues q
 WHERE EXISTS (
   SELECT 1 FROM bulks b
    WHERE b.queue_id = q.id AND b.finished_at IS NULL AND b.canceled_at IS NULL AND b.approval IS DISTINCT FROM 'waiting'
      AND EXISTS (SELECT 1 FROM jobs j
                   WHERE j.bulk_id = b.id AND j.lane = 'batch' AND j.state = 'queued' AND (j.not_before IS NULL OR j.not_before <= $1)))
 ORDER BY q.id
