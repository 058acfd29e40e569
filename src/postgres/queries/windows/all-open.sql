-- Every budget and its window that is open at an instant (null where the window has yet to be made).
--
-- $1 at timestamptz
-- rows: one per budget
-- locks: none
-- index: budgets_open, budget_windows (budget_id, starts_at)
-- not null: budget_id, tenant_id, window_kind, time_zone, created_at
-- nullable: window_id
SELECT b.id AS budget_id, b.tenant_id, b.window_kind, b.time_zone, b.created_at, w.id AS window_id
  FROM budgets b LEFT JOIN budget_windows w ON w.budget_id = b.id AND w.starts_at <= $1::timestamptz AND w.ends_at > $1::timestamptz
 WHERE b.ended_at IS NULL
 ORDER BY b.id
