-- Stops, the newest first.
--
-- $1 tenant_id text | null (any)  $2 open_only boolean  $3 after text | null (id of the last row seen)  $4 rows_max integer
-- rows: 0..$4
-- locks: none
-- index: flags_pkey, stops_pkey, tenants_pkey, queues_pkey
-- nullable: mode
-- not null: id, tenant_id, scope, target, reason, set_by, set_at, flag_version
SELECT f.id, f.tenant_id, f.scope, f.target, coalesce(t.name, q.name, f.target) AS target_name, f.mode, f.reason, f.set_by, f.set_at,
       f.lifted_by, f.lifted_at, s.flag_version, s.completed_at
  FROM flags f JOIN stops s ON s.id = f.id
  LEFT JOIN tenants t ON f.scope = 'tenant' AND t.id = f.target
  LEFT JOIN queues q ON f.scope = 'queue' AND q.id = f.target
 WHERE f.kind = 'stop' AND ($1::text IS NULL OR f.tenant_id = $1::text) AND (NOT $2::boolean OR f.lifted_at IS NULL)
   AND ($3::text IS NULL OR f.id < $3::text)
 ORDER BY f.id DESC
 LIMIT $4::integer
