-- Queues with the names that their BullMQ queue is made of, the latest first.
--
-- $1 queue_id text | null (all)  $2 rows_max integer
-- rows: many
-- locks: none
-- index: queues_pkey
SELECT q.id, q.tenant_id, t.name AS tenant_name, q.name, q.owner
  FROM queues q JOIN tenants t ON t.id = q.tenant_id
 WHERE $1::text IS NULL OR q.id = $1::text
 ORDER BY q.id DESC LIMIT $2::integer
