-- Finds the queue that a pause is meant for: by id, or by its own tenant and name (a shared queue belongs to the installation).
--
-- $1 id text | null  $2 tenant_id text | null  $3 name text | null
-- rows: 0 or 1
-- locks: none
-- index: queues_pkey, queues_tenant_id_name_key
SELECT id, tenant_id, name FROM queues
 WHERE id = $1::text OR ($1::text IS NULL AND tenant_id = $2::text AND name = $3::text)
