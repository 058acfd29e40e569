-- All tenants by name.
--
-- $1 after text | null (name of the last row seen)  $2 rows_max integer
-- rows: 0..$2
-- locks: none
-- index: tenants_name_key
SELECT id, name, created_at
  FROM tenants
 WHERE $1::text IS NULL OR name > $1::text
 ORDER BY name
 LIMIT $2::integer
