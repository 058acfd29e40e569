-- The budgets that bind a piece of work, as windows/find-open.sql knows them, with the window of each that is open at an instant (nulls
-- where it has yet to begin). It opens none: this is for telling, not for taking.
--
-- $1 tenant_id text  $2 queue_id text  $3 job_type text  $4 bulk_id text  $5 labels text (JSON)  $6 at timestamptz
-- rows: 0..n
-- locks: none
-- index: budgets_open, budget_windows (budget_id, starts_at)
-- nullable: ended_at, window_id, starts_at, ends_at, window_limit_nano, spent_nano, held_nano, overrun_nano
-- not null: id, tenant_id, tenant_name, scope, target, target_name, owner, limit_nano, window_kind, time_zone, when_bound, created_at, updated_at
SELECT b.id, b.tenant_id, t.name AS tenant_name, b.scope, b.target, coalesce(q.name, n.name, b.target) AS target_name, b.owner,
       b.limit_nano, b.window_kind, b.time_zone, b.when_bound, b.created_at, b.updated_at, b.ended_at, w.id AS window_id, w.starts_at,
       w.ends_at, w.limit_nano AS window_limit_nano, w.spent_nano, w.held_nano, w.overrun_nano
  FROM (VALUES ('global', ''), ('tenant', $1::text), ('queue', $2::text), ('job_type', $3::text), ('bulk', $4::text)
        UNION ALL
        SELECT 'label', l.key || ':' || l.value FROM jsonb_each_text(($5::text)::jsonb) AS l) AS known(scope, target)
 CROSS JOIN LATERAL (SELECT * FROM budgets o WHERE o.ended_at IS NULL AND o.scope = known.scope AND o.target = known.target OFFSET 0) b
  JOIN tenants t ON t.id = b.tenant_id
  LEFT JOIN queues q ON b.scope = 'queue' AND q.id = b.target
  LEFT JOIN tenants n ON b.scope = 'tenant' AND n.id = b.target
  LEFT JOIN budget_windows w ON w.budget_id = b.id AND w.starts_at <= $6::timestamptz AND w.ends_at > $6::timestamptz
 WHERE b.scope NOT IN ('job_type', 'label') OR b.tenant_id IN ('installation', $1::text)
 ORDER BY b.id
