-- A queue by its name as one tenant sees it: its own first, else the shared one.
--
-- $1 tenant_id text  $2 name text  $3 shared_only boolean
-- rows: 0 or 1
-- locks: none
-- index: queues_tenant_id_name_key
-- not null: shared
SELECT q.*, q.tenant_id = 'installation' AS shared
  FROM queues q
 WHERE q.name = $2::text AND (q.tenant_id = 'installation' OR (q.tenant_id = $1::text AND NOT $3::boolean))
 ORDER BY (q.tenant_id = 'installation')
 LIMIT 1
