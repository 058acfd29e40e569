-- For each scope of work, the budgets that bind it and the window of each that is open at an instant (null where the window
-- has yet to be made). Labels are those of the job, or of its bulk where it has none of its own.
--
-- The names by which budgets may know the work are spelled out first, so that each is one probe of budgets_open, however many budgets
-- there are. OFFSET 0 keeps it so: left to itself the planner reads all of them for every turn.
--
-- $1 ordinal integer[]  $2 tenant_id text[]  $3 queue_id text[]  $4 job_type text[]  $5 bulk_id text[]  $6 labels text[] (JSON)
-- $7 at timestamptz
-- rows: one per (scope, budget)
-- locks: none
-- index: bulks_pkey, budgets_open, budget_windows (budget_id, starts_at)
-- not null: ordinal, budget_id, tenant_id, scope, target, window_kind, time_zone, when_bound, limit_nano, created_at
-- nullable: window_id
SELECT s.ordinal, b.id AS budget_id, b.tenant_id, b.scope, b.target, b.window_kind, b.time_zone, b.when_bound, b.limit_nano, b.created_at, w.id AS window_id
  FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    AS s(ordinal, tenant_id, queue_id, job_type, bulk_id, labels)
  LEFT JOIN bulks k ON k.id = s.bulk_id
 CROSS JOIN LATERAL (
   VALUES ('global', ''), ('tenant', s.tenant_id), ('queue', s.queue_id), ('job_type', s.job_type), ('bulk', s.bulk_id)
   UNION ALL
   SELECT 'label', l.key || ':' || l.value FROM jsonb_each_text(coalesce(s.labels::jsonb, k.labels)) AS l
 ) AS known(scope, target)
 CROSS JOIN LATERAL (SELECT * FROM budgets q WHERE q.ended_at IS NULL AND q.scope = known.scope AND q.target = known.target OFFSET 0) b
  LEFT JOIN budget_windows w ON w.budget_id = b.id AND w.starts_at <= $7 AND w.ends_at > $7
 WHERE b.scope NOT IN ('job_type', 'label') OR b.tenant_id IN ('installation', s.tenant_id)
 ORDER BY s.ordinal, b.id
