-- What is left in windows, without locking them: for choosing what is worth trying, never for deciding.
--
-- $1 id bigint[]
-- rows: one per window
-- locks: none
-- index: budget_windows_pkey
-- not null: available_nano
SELECT id, limit_nano - spent_nano - held_nano AS available_nano FROM budget_windows WHERE id = ANY ($1::bigint[])
