-- Creates a tenant; a name that is taken changes nothing.
--
-- $1 id text  $2 name text
-- rows: 1, or 0 if the name is taken
-- locks: none
-- index: tenants_name_key
INSERT INTO tenants (id, name) VALUES ($1::text, $2::text)
ON CONFLICT (name) DO NOTHING
RETURNING created_at
