-- One alert, if it is the tenant's; any where $2 is null.
--
-- $1 id text  $2 tenant_id text | null
-- rows: 0 or 1
-- locks: none
-- index: alerts_pkey
SELECT id, kind, tenant_id, tenant_name, scope, target, target_name, owner, reason, percent, limit_nano, spent_nano, held_nano,
       window_starts_at, window_ends_at, raised_at, state, tries, last_error, delivered_at
  FROM alerts
 WHERE id = $1::text AND ($2::text IS NULL OR tenant_id = $2::text)
