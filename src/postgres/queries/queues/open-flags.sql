-- The pauses and stops in force that reach some queues: their own, those of these tenants and those over everything.
--
-- $1 queue_id text[]  $2 tenant_id text[]
-- rows: 0..n, the oldest first
-- locks: none
-- index: flags_open
SELECT id, kind, scope, target, reason, set_by, set_at
  FROM flags
 WHERE lifted_at IS NULL
   AND (scope = 'global' OR (scope = 'queue' AND target = ANY ($1::text[])) OR (scope = 'tenant' AND target = ANY ($2::text[])))
 ORDER BY set_at, id
