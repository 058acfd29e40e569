-- Notes since when windows have had no room for the next piece of work: the first time in each window, which raises its alert.
--
-- $1 id bigint[]
-- rows: none
-- locks: those windows that were not bound before, in id order, until the end of the transaction
-- index: budget_windows_pkey
WITH newly AS MATERIALIZED (
  SELECT id FROM budget_windows WHERE id = ANY ($1::bigint[]) AND bound_at IS NULL ORDER BY id FOR UPDATE
)
UPDATE budget_windows w SET bound_at = now() FROM newly n WHERE w.id = n.id
