-- The queues one tenant can submit to: its own, and the shared ones it has no queue of the same name for.
--
-- $1 tenant_id text  $2 after text | null (name of the last row seen)  $3 rows_max integer
-- rows: 0..$3
-- locks: none
-- index: queues_tenant_id_name_key
-- not null: shared
SELECT DISTINCT ON (q.name) q.*, q.tenant_id = 'installation' AS shared
  FROM queues q
 WHERE q.tenant_id IN ($1::text, 'installation') AND ($2::text IS NULL OR q.name > $2::text)
 ORDER BY q.name, (q.tenant_id = 'installation')
 LIMIT $3::integer
