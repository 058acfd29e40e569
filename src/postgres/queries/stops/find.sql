-- One stop by its id, or the open one of a scope and target; with the name of what it is aimed at.
--
-- $1 id text | null  $2 scope text | null  $3 target text | null  $4 tenant_id text | null (any)
-- rows: 0 or 1
-- locks: none
-- index: flags_pkey, flags_open, stops_pkey, tenants_pkey, queues_pkey
-- nullable: mode
-- not null: id, tenant_id, scope, target, reason, set_by, set_at, flag_version
SELECT f.id, f.tenant_id, f.scope, f.target, coalesce(t.name, q.name, f.target) AS target_name, f.mode, f.reason, f.set_by, f.set_at,
       f.lifted_by, f.lifted_at, s.flag_version, s.completed_at
  FROM flags f JOIN stops s ON s.id = f.id
  LEFT JOIN tenants t ON f.scope = 'tenant' AND t.id = f.target
  LEFT JOIN queues q ON f.scope = 'queue' AND q.id = f.target
 WHERE f.kind = 'stop' AND ($4::text IS NULL OR f.tenant_id = $4::text)
   AND CASE WHEN $1::text IS NOT NULL THEN f.id = $1::text
            ELSE f.scope = $2::text AND f.target = $3::text AND f.lifted_at IS NULL END
