-- Locks the open budgets that a tenant has on a queue for a change.
--
-- $1 queue_id text  $2 tenant_id text
-- rows: 0..n
-- locks: those budget rows, in id order
-- index: budgets_open
SELECT id, owner, limit_nano, window_kind, time_zone, when_bound
  FROM budgets
 WHERE ended_at IS NULL AND scope = 'queue' AND target = $1::text AND tenant_id = $2::text
 ORDER BY id
   FOR UPDATE
