-- Takes the overruns of a queue; whoever comes second finds none. The queue's tenant answers for it, whoever's job it was.
--
-- $1 queue_id text
-- rows: 0 (somebody else has taken them) or 1
-- locks: those overruns, until the end of the transaction
-- index: overruns_open, queues_pkey
-- not null: tenant_id, attempts, amount_nano, job_id
WITH taken AS (
  UPDATE overruns SET handled_at = now() WHERE queue_id = $1::text AND handled_at IS NULL RETURNING job_id, amount_nano
)
SELECT q.tenant_id, count(*) AS attempts, sum(t.amount_nano)::bigint AS amount_nano, min(t.job_id) AS job_id
  FROM taken t CROSS JOIN (SELECT tenant_id FROM queues WHERE id = $1::text) q
 GROUP BY q.tenant_id
