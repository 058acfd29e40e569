-- A tenant by its name.
--
-- $1 name text
-- rows: 0 or 1
-- locks: none
-- index: tenants_name_key
SELECT id, name, created_at FROM tenants WHERE name = $1::text
