-- A tenant by its name.
--
-- $1 name text
-- rows: at most one
-- locks: none
-- index: tenants_name_key
SELECT id, name, created_at FROM tenants WHERE name = $1::text
