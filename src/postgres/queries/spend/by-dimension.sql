-- What was spent, from the ledger, by one dimension. Corrections count where their attempt's first entry does: by their own date.
--
-- $1 tenant_id text | null (null: all tenants)  $2 since timestamptz  $3 until timestamptz (not included)  $4 dimension text
-- $5 rows_max integer
-- rows: 0..$5, the most expensive first
-- locks: none
-- index: ledger_by_tenant
-- not null: name, attempts, jobs, amount_nano, realtime_nano, overrun_nano
SELECT coalesce(d.name, '') AS name, count(*) FILTER (WHERE l.kind <> 'correction') AS attempts, count(DISTINCT l.job_id) AS jobs,
       sum(l.amount_nano)::bigint AS amount_nano, sum(l.realtime_nano)::bigint AS realtime_nano, sum(l.overrun_nano)::bigint AS overrun_nano
  FROM ledger l
  JOIN tenants t ON t.id = l.tenant_id
  JOIN queues q ON q.id = l.queue_id
  CROSS JOIN LATERAL (
    SELECT CASE $4::text WHEN 'tenant' THEN t.name WHEN 'queue' THEN q.name WHEN 'type' THEN l.job_type
             WHEN 'version' THEN l.job_type || '@' || l.prompt_version WHEN 'bulk' THEN l.bulk_id WHEN 'model' THEN l.model
             WHEN 'lane' THEN l.lane WHEN 'day' THEN to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') END AS name
  ) d
 WHERE ($1::text IS NULL OR l.tenant_id = $1::text) AND l.created_at >= $2::timestamptz AND l.created_at < $3::timestamptz
 GROUP BY 1
 ORDER BY amount_nano DESC, name
 LIMIT $5::integer
