-- What was spent, from the ledger, by label. An entry with several labels counts under each of them; one without under ''.
--
-- $1 tenant_id text | null (null: all tenants)  $2 since timestamptz  $3 until timestamptz (not included)  $4 rows_max integer
-- rows: 0..$4, the most expensive first
-- locks: none
-- index: ledger_by_tenant
-- not null: name, attempts, jobs, amount_nano, realtime_nano, overrun_nano
SELECT coalesce(d.key || ':' || d.value, '') AS name, count(*) FILTER (WHERE l.kind <> 'correction') AS attempts,
       count(DISTINCT l.job_id) AS jobs, sum(l.amount_nano)::bigint AS amount_nano, sum(l.realtime_nano)::bigint AS realtime_nano,
       sum(l.overrun_nano)::bigint AS overrun_nano
  FROM ledger l
  LEFT JOIN LATERAL jsonb_each_text(coalesce(l.labels, '{}')) d ON true
 WHERE ($1::text IS NULL OR l.tenant_id = $1::text) AND l.created_at >= $2::timestamptz AND l.created_at < $3::timestamptz
 GROUP BY 1
 ORDER BY amount_nano DESC, name
 LIMIT $4::integer
