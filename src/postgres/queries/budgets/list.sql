-- Budgets that a tenant may see, newest first, each with the window that is open at an instant (nulls where it has yet to begin): its
-- own, and those of the installation on itself. Without a tenant all of them.
--
-- $1 tenant_id text | null  $2 id text | null  $3 scope text | null  $4 target text | null  $5 ended boolean  $6 after text | null
-- $7 rows_max integer  $8 at timestamptz
-- rows: many, at most rows_max
-- locks: none
-- index: budgets_pkey, budget_windows (budget_id, starts_at)
-- nullable: ended_at, window_id, starts_at, ends_at, window_limit_nano, spent_nano, held_nano, overrun_nano
-- not null: id, tenant_id, tenant_name, scope, target, target_name, owner, limit_nano, window_kind, time_zone, when_bound, created_at, updated_at
SELECT b.id, b.tenant_id, t.name AS tenant_name, b.scope, b.target, coalesce(q.name, n.name, b.target) AS target_name, b.owner,
       b.limit_nano, b.window_kind, b.time_zone, b.when_bound, b.created_at, b.updated_at, b.ended_at, w.id AS window_id, w.starts_at,
       w.ends_at, w.limit_nano AS window_limit_nano, w.spent_nano, w.held_nano, w.overrun_nano
  FROM budgets b
  JOIN tenants t ON t.id = b.tenant_id
  LEFT JOIN queues q ON b.scope = 'queue' AND q.id = b.target
  LEFT JOIN tenants n ON b.scope = 'tenant' AND n.id = b.target
  LEFT JOIN budget_windows w ON w.budget_id = b.id AND w.starts_at <= $8::timestamptz AND w.ends_at > $8::timestamptz
 WHERE ($1::text IS NULL OR b.tenant_id = $1::text OR (b.scope = 'tenant' AND b.target = $1::text))
   AND ($2::text IS NULL OR b.id = $2::text)
   AND ($3::text IS NULL OR b.scope = $3::text)
   AND ($4::text IS NULL OR b.target = $4::text OR coalesce(q.name, n.name) = $4::text)
   AND ($5::boolean OR b.ended_at IS NULL)
   AND ($6::text IS NULL OR b.id < $6::text)
 ORDER BY b.id DESC
 LIMIT $7::integer
