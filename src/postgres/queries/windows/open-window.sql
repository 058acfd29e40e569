-- Opens a window of a budget with its limit as it stands now; nothing if somebody else opened it first. The budget is locked while
-- it is read: a limit that is being lowered at this moment is waited for, or the window would open with the old one and keep it.
--
-- $1 budget_id text  $2 tenant_id text  $3 starts_at timestamptz  $4 ends_at timestamptz
-- rows: none
-- locks: the budget (shared), until the end of the transaction; budgets come before windows everywhere
-- index: budget_windows (budget_id, starts_at)
INSERT INTO budget_windows (budget_id, tenant_id, starts_at, ends_at, limit_nano)
SELECT b.id, $2, $3, $4, b.limit_nano FROM budgets b WHERE b.id = $1 AND b.ended_at IS NULL FOR SHARE OF b
ON CONFLICT (budget_id, starts_at) DO NOTHING
