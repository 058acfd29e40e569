-- One bulk as the installation's people see it: ids, names and times.
--
-- $1 id text
-- rows: 0 or 1
-- locks: none
-- index: bulks_pkey
SELECT b.id, t.name AS tenant_name, q.name AS queue_name, b.tenant_id, b.queue_id, b.job_type, b.accepted, b.invalid, b.created_by,
       b.created_at, b.expires_at, b.canceled_at, b.canceled_by, b.finished_at, b.deleted_at, b.retry_of
  FROM bulks b JOIN tenants t ON t.id = b.tenant_id JOIN queues q ON q.id = b.queue_id
 WHERE b.id = $1::text
