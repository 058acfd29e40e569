-- The bulks of one tenant, newest first.
--
-- $1 tenant_id text  $2 queue_id text | null  $3 label text | null (JSON object)  $4 finished boolean | null
-- $5 after text | null (id of the last row seen)  $6 rows_max integer
-- rows: 0..$6
-- locks: none
-- index: bulks_by_tenant
-- not null: queue_shared, expires_at
SELECT b.id, b.queue_id, q.name AS queue_name, q.tenant_id = 'installation' AS queue_shared, b.job_type, b.labels, b.on_invalid, b.accepted,
       b.invalid, b.single, b.retry_of, b.created_by, b.created_at,
       CASE WHEN b.finished_at IS NULL THEN b.expires_at + suspended_for(b) ELSE b.expires_at END AS expires_at,
       b.canceled_at, b.canceled_by, b.finished_at,
       b.deleted_at, b.deleted_by, b.caps, b.attempts_left, b.tokens_left
  FROM bulks b JOIN queues q ON q.id = b.queue_id
 WHERE b.tenant_id = $1::text
   AND ($2::text IS NULL OR b.queue_id = $2::text)
   AND ($3::text IS NULL OR b.labels @> $3::text::jsonb)
   AND ($4::boolean IS NULL OR (b.finished_at IS NOT NULL) = $4::boolean)
   AND ($5::text IS NULL OR b.id < $5::text)
 ORDER BY b.id DESC
 LIMIT $6::integer
