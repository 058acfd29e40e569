-- Locks one budget for a change.
--
-- $1 id text
-- rows: 0 or 1
-- locks: that budget row, until the end of the transaction; windows come after it
-- index: budgets_pkey
SELECT id, tenant_id, scope, target, owner, limit_nano, window_kind, time_zone, when_bound, ended_at
  FROM budgets
 WHERE id = $1::text
   FOR UPDATE
