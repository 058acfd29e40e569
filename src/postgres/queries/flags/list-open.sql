-- The open flags of one tenant, or all of them, from the widest scope to the narrowest.
--
-- $1 tenant_id text | null (any)
-- rows: many
-- locks: none
-- index: flags_open
SELECT id, tenant_id, kind, scope, target, mode, reason, set_by, set_at
  FROM flags
 WHERE lifted_at IS NULL AND ($1::text IS NULL OR tenant_id = $1::text)
 ORDER BY array_position(ARRAY['global', 'tenant', 'queue', 'job_type', 'model', 'bulk'], scope), set_at
