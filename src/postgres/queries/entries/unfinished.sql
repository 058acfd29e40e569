-- The unfinished bulks of every queue, the oldest first, so many of each queue.
--
-- $1 per_queue_max integer  $2 queues_max integer
-- rows: many
-- locks: none
-- index: bulks_unfinished
SELECT b.id AS bulk_id, u.queue_id
  FROM (SELECT DISTINCT queue_id FROM bulks WHERE finished_at IS NULL ORDER BY queue_id LIMIT $2::integer) u
  CROSS JOIN LATERAL (SELECT id FROM bulks WHERE queue_id = u.queue_id AND finished_at IS NULL ORDER BY id LIMIT $1::integer) b
 ORDER BY b.id
