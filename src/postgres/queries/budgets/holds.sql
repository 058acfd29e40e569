-- The open holds on the windows of a budget, in the order in which they were taken, with the job of those that belong to an attempt.
--
-- $1 budget_id text  $2 after text | null  $3 rows_max integer
-- rows: many, at most rows_max
-- locks: none
-- index: budget_windows (budget_id, starts_at), hold_parts_open, holds_pkey
-- not null: id, owner_kind, owner_id, reason, state, amount_nano, remaining_nano, created_at, starts_at
-- nullable: expires_at
SELECT h.id, h.owner_kind, h.owner_id, h.reason, h.state, p.amount_nano, p.remaining_nano, h.created_at, h.expires_at, w.starts_at
  FROM budget_windows w
  JOIN hold_parts p ON p.window_id = w.id AND p.remaining_nano > 0
  JOIN holds h ON h.id = p.hold_id
 WHERE w.budget_id = $1::text AND ($2::text IS NULL OR h.id > $2::text)
 ORDER BY h.id
 LIMIT $3::integer
