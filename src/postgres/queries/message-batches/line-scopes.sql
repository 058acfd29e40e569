-- The different scopes of work in a message batch: what the gate is asked about before it is sent.
--
-- $1 message_batch_id text
-- rows: many
-- locks: none
-- index: attempts_in_batch, jobs_pkey
SELECT DISTINCT j.tenant_id, j.queue_id, j.bulk_id, j.job_type, j.model
  FROM attempts a JOIN jobs j ON j.id = a.job_id
 WHERE a.message_batch_id = $1 AND a.state = 'open' AND a.lane = 'batch'
