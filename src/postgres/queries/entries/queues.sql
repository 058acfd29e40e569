-- The queues that Bull Board shows, the latest first.
--
-- $1 rows_max integer
-- rows: many
-- locks: none
-- index: queues_pkey
SELECT q.id, q.tenant_id, t.name AS tenant_name, q.name, q.owner
  FROM queues q JOIN tenants t ON t.id = q.tenant_id
 ORDER BY q.id DESC LIMIT $1::integer
