-- Changes a budget, and with its limit that of its windows that can still take holds; both are locked by the caller. The trigger
-- guard_ceiling concerns taking holds, so a limit forced below what is committed goes through and then nothing new starts.
--
-- $1 budget_id text  $2 limit_nano bigint  $3 owner text  $4 when_bound text  $5 window_id bigint[]
-- rows: none
-- locks: the budget and its windows (held by the caller's transaction already)
-- index: budgets_pkey, budget_windows_pkey
WITH budget AS (
  UPDATE budgets SET limit_nano = $2::bigint, owner = $3::text, when_bound = $4::text, updated_at = now() WHERE id = $1::text
)
UPDATE budget_windows SET limit_nano = $2::bigint WHERE id = ANY ($5::bigint[])
