-- One bulk of one tenant with the names around it.
--
-- $1 id text  $2 tenant_id text
-- rows: 0 or 1
-- locks: none
-- index: bulks_pkey
-- not null: queue_shared, expires_at
SELECT b.id, b.queue_id, q.name AS queue_name, q.tenant_id = 'installation' AS queue_shared, b.job_type, b.labels, b.on_invalid, b.accepted,
       b.invalid, b.single, b.retry_of, b.shared, b.created_by, b.created_at,
       CASE WHEN b.finished_at IS NULL THEN b.expires_at + suspended_for(b) ELSE b.expires_at END AS expires_at,
       b.canceled_at, b.canceled_by, b.finished_at,
       b.deleted_at, b.deleted_by, b.worst_nano, b.approval, b.approved_by, b.approved_at, b.caps, b.attempts_left, b.tokens_left
  FROM bulks b JOIN queues q ON q.id = b.queue_id
 WHERE b.id = $1::text AND b.tenant_id = $2::text
