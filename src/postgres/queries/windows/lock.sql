-- Locks windows for a decision and reads what is left in each. In id order: every transaction that takes several does.
--
-- $1 id bigint[]
-- rows: one per window
-- locks: budget_windows in id order, until the end of the transaction
-- index: budget_windows_pkey
-- not null: available_nano
SELECT id, budget_id, limit_nano - spent_nano - held_nano AS available_nano
  FROM budget_windows WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE
