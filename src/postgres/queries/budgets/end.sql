-- Ends budgets: they bind nothing from now on. Their windows stay, because open holds settle into them.
--
-- $1 id text[]
-- rows: none
-- locks: those budget rows
-- index: budgets_pkey
UPDATE budgets SET ended_at = now(), updated_at = now() WHERE id = ANY ($1::text[]) AND ended_at IS NULL
