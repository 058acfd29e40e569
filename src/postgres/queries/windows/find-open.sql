-- For each scope of work, the budgets that bind it and the window of each that is open at an instant (null where the window
-- has yet to be made).
--
-- $1 ordinal integer[]  $2 tenant_id text[]  $3 queue_id text[]  $4 job_type text[]  $5 bulk_id text[]  $6 at timestamptz
-- rows: one per (scope, budget)
-- locks: none
-- index: budgets_open, budget_windows (budget_id, starts_at)
-- not null: ordinal, budget_id, tenant_id, window_kind, time_zone, limit_nano, created_at
-- nullable: window_id
SELECT s.ordinal, b.id AS budget_id, b.tenant_id, b.window_kind, b.time_zone, b.limit_nano, b.created_at, w.id AS window_id
  FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[]) AS s(ordinal, tenant_id, queue_id, job_type, bulk_id)
  JOIN budgets b ON b.ended_at IS NULL AND (
         (b.scope = 'global' AND b.target = '') OR (b.scope = 'tenant' AND b.target = s.tenant_id)
      OR (b.scope = 'queue' AND b.target = s.queue_id) OR (b.scope = 'job_type' AND b.target = s.job_type)
      OR (b.scope = 'bulk' AND b.target = s.bulk_id))
  LEFT JOIN budget_windows w ON w.budget_id = b.id AND w.starts_at <= $6 AND w.ends_at > $6
 ORDER BY s.ordinal, b.id
