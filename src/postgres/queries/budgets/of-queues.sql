-- The open budgets that the owners of some queues have on them, each with the window that is open at an instant (nulls where it has yet to begin).
--
-- $1 queue_id text[]  $2 at timestamptz
-- rows: 0..n, for a queue the shortest window kind first
-- locks: none
-- index: budgets_open, budget_windows (budget_id, starts_at)
-- nullable: window_id, starts_at, ends_at, window_limit_nano, spent_nano, held_nano, overrun_nano
-- not null: id, queue_id, owner, limit_nano, window_kind, time_zone, when_bound, created_at
SELECT b.id, b.target AS queue_id, b.owner, b.limit_nano, b.window_kind, b.time_zone, b.when_bound, b.created_at, w.id AS window_id, w.starts_at,
       w.ends_at, w.limit_nano AS window_limit_nano, w.spent_nano, w.held_nano, w.overrun_nano
  FROM budgets b
  JOIN queues q ON q.id = b.target AND q.tenant_id = b.tenant_id
  LEFT JOIN budget_windows w ON w.budget_id = b.id AND w.starts_at <= $2::timestamptz AND w.ends_at > $2::timestamptz
 WHERE b.ended_at IS NULL AND b.scope = 'queue' AND b.target = ANY ($1::text[])
 ORDER BY b.target, b.window_kind
