-- Makes a quote the ceiling of a bulk: the quote is used up, and its worst case becomes a budget of that bulk alone.
--
-- $1 id text  $2 bulk_id text  $3 budget_id text  $4 tenant_id text  $5 owner text
-- rows: none
-- locks: the quote (held by the caller's transaction already)
-- index: quotes_pkey
WITH used AS (
  UPDATE quotes SET bulk_id = $2::text WHERE id = $1::text AND bulk_id IS NULL RETURNING worst_nano
)
INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind)
SELECT $3::text, $4::text, 'bulk', $2::text, $5::text, used.worst_nano, 'total' FROM used
