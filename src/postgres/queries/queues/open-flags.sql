-- The pauses and stops in force that reach some queues or bulks: their own, those of these tenants and job types and those over everything.
--
-- $1 queue_id text[]  $2 tenant_id text[]  $3 job_type text[]  $4 bulk_id text[]  $5 models boolean (those of every
-- model, too: which one a line names is the caller's to compare)
-- rows: 0..n, the oldest first
-- locks: none
-- index: flags_open
SELECT id, kind, scope, target, reason, set_by, set_at
  FROM flags
 WHERE lifted_at IS NULL
   AND (scope = 'global' OR (scope = 'queue' AND target = ANY ($1::text[])) OR (scope = 'tenant' AND target = ANY ($2::text[]))
        OR (scope = 'job_type' AND target = ANY ($3::text[])) OR (scope = 'bulk' AND target = ANY ($4::text[]))
        OR (scope = 'model' AND $5::boolean))
 ORDER BY set_at, id
