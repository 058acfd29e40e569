-- Whether a database holds anything that a restore would replace, and whether a process works on it.
--
-- rows: 1
-- locks: none
-- index: tenants_pkey, processes_alive
-- not null: tenants, alive
SELECT (SELECT count(*) FROM tenants WHERE id <> 'installation')::integer AS tenants,
       (SELECT count(*) FROM processes WHERE ended_at IS NULL AND reaped_at IS NULL AND lease_until > now())::integer AS alive
