-- Whether this installation has tenants of its own and keys.
--
-- rows: 1
-- locks: none
-- index: tenants_pkey
-- not null: tenants, keys
SELECT (SELECT count(*) FROM tenants WHERE id <> 'installation')::integer AS tenants, (SELECT count(*) FROM api_keys)::integer AS keys
