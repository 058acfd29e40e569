-- Locks the open budgets of a queue for a change.
--
-- $1 queue_id text
-- rows: 0..n
-- locks: those budget rows, in id order
-- index: budgets_open
SELECT id, limit_nano, window_kind, time_zone, created_at
  FROM budgets
 WHERE ended_at IS NULL AND scope = 'queue' AND target = $1::text
 ORDER BY id
   FOR UPDATE
