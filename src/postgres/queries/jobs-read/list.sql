-- Jobs of one tenant: the newest bulk first, inside a bulk in the order of its lines.
--
-- $1 tenant_id text  $2 queue_id text | null  $3 bulk_id text | null  $4 state text[] | null  $5 label text | null (JSON object)
-- $6 after_bulk text | null  $7 after_line integer (the last row seen)  $8 rows_max integer
-- rows: 0..$8
-- locks: none
-- index: bulks_by_tenant, jobs_by_line
-- not null: queue_shared, labels
SELECT j.id, j.bulk_id, b.queue_name, b.queue_shared, j.line, j.key, j.job_type, j.lane, j.urgency, j.deadline_at, j.priority,
       coalesce(j.labels, b.labels) AS labels, j.state, j.wait_reason, j.attempts_paid, j.failure_code, j.failure_fault, j.retry_of,
       j.cost_nano, j.created_at, j.finished_at
  FROM (SELECT b.id, b.labels, q.name AS queue_name, q.tenant_id = 'installation' AS queue_shared
          FROM bulks b JOIN queues q ON q.id = b.queue_id
         WHERE b.tenant_id = $1::text
           AND ($2::text IS NULL OR b.queue_id = $2::text)
           AND ($3::text IS NULL OR b.id = $3::text)
           AND ($6::text IS NULL OR b.id <= $6::text)
         ORDER BY b.id DESC) b
  CROSS JOIN LATERAL (
    SELECT * FROM jobs j
     WHERE j.bulk_id = b.id
       AND (b.id IS DISTINCT FROM $6::text OR j.line > $7::integer)
       AND ($4::text[] IS NULL OR j.state = ANY ($4::text[]))
       AND ($5::text IS NULL OR coalesce(j.labels, b.labels) @> $5::text::jsonb)
     ORDER BY j.line
     LIMIT $8::integer
  ) j
 ORDER BY b.id DESC, j.line
 LIMIT $8::integer
