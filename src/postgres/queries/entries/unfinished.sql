-- The unfinished bulks of every queue, the oldest first, so many of each queue.
--
-- $1 per_queue_max integer  $2 queues_max integer
-- rows: many
-- locks: none
-- index: bulks_unfinished
-- not null: bulk_id, queue_id, tenant_name, queue_name
SELECT b.id AS bulk_id, q.id AS queue_id, t.name AS tenant_name, q.name AS queue_name
  FROM (SELECT DISTINCT queue_id FROM bulks WHERE finished_at IS NULL ORDER BY queue_id LIMIT $2::integer) u
  JOIN queues q ON q.id = u.queue_id JOIN tenants t ON t.id = q.tenant_id
  CROSS JOIN LATERAL (SELECT id FROM bulks WHERE queue_id = q.id AND finished_at IS NULL ORDER BY id LIMIT $1::integer) b
 ORDER BY b.id
