-- Locks the windows of a budget that can still take holds, with what is committed in each.
--
-- $1 budget_id text  $2 at timestamptz
-- rows: 0..n
-- locks: budget_windows in id order, until the end of the transaction
-- index: budget_windows (budget_id, starts_at)
-- not null: committed_nano
SELECT id, limit_nano, spent_nano + held_nano AS committed_nano
  FROM budget_windows
 WHERE budget_id = $1::text AND ends_at > $2::timestamptz
 ORDER BY id
   FOR UPDATE
