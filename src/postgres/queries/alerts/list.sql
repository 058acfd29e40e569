-- Alerts of one tenant, or of all where $1 is null, the newest first.
--
-- $1 tenant_id text | null  $2 state text | null  $3 kind text | null  $4 after text | null (id of the last row seen)  $5 rows_max integer
-- rows: 0..$5
-- locks: none
-- index: alerts_by_tenant, alerts_pkey
SELECT id, kind, tenant_id, tenant_name, scope, target, target_name, owner, reason, percent, limit_nano, spent_nano, held_nano,
       window_starts_at, window_ends_at, raised_at, state, tries, last_error, delivered_at
  FROM alerts
 WHERE ($1::text IS NULL OR tenant_id = $1::text) AND ($2::text IS NULL OR state = $2::text)
   AND ($3::text IS NULL OR kind = $3::text) AND ($4::text IS NULL OR id < $4::text)
 ORDER BY id DESC
 LIMIT $5::integer
