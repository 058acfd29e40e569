-- What jobs of a type really cost lately beside their worst case, and how long its message batches took.
--
-- $1 tenant_id text  $2 job_type text  $3 queue_id text  $4 since timestamptz  $5 entries_max integer  $6 batches_max integer
-- rows: one per lane that has entries
-- locks: none
-- index: ledger_by_tenant, attempts_pkey, message_batches_by_queue
-- not null: lane, attempts, cost_nano, worst_nano
-- nullable: batch_s
SELECT l.lane, count(*)::integer AS attempts, sum(l.amount_nano)::bigint AS cost_nano, sum(a.worst_nano)::bigint AS worst_nano,
       (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM t.ingested_at - t.created_at))
          FROM (SELECT b.ingested_at, b.created_at FROM message_batches b
                 WHERE b.queue_id = $3::text AND b.state = 'ingested' ORDER BY b.id DESC LIMIT $6::integer) t)::float8 AS batch_s
  FROM (SELECT * FROM ledger WHERE tenant_id = $1::text AND created_at >= $4::timestamptz ORDER BY created_at DESC LIMIT $5::integer) l
  JOIN attempts a ON a.job_id = l.job_id AND a.no = l.attempt_no
 WHERE l.job_type = $2::text AND l.kind = 'settle'
 GROUP BY l.lane
