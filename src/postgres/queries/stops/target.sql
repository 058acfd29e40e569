-- What a stop is aimed at, by its name: the id of a tenant, queue or bulk, the name of a job type that was ever registered.
--
-- $1 scope text  $2 name text  $3 tenant_id text | null (whose queue it is; whose bulk, any if null)
-- rows: 0 or 1
-- locks: none
-- index: tenants_name_key, queues_tenant_id_name_key, job_types_pkey, bulks_pkey
-- not null: target
SELECT id AS target FROM tenants WHERE $1::text = 'tenant' AND name = $2::text
 UNION ALL
SELECT id FROM queues WHERE $1::text = 'queue' AND tenant_id = $3::text AND name = $2::text
 UNION ALL
SELECT name FROM job_types WHERE $1::text = 'job_type' AND name = $2::text
 UNION ALL
SELECT id FROM bulks WHERE $1::text = 'bulk' AND id = $2::text AND ($3::text IS NULL OR tenant_id = $3::text) AND deleted_at IS NULL
