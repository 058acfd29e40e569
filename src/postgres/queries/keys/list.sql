-- The keys of one tenant, or of all where $1 is null, newest first; revoked ones too, because somebody will ask.
--
-- $1 tenant_id text | null  $2 after text | null (id of the last row seen)  $3 rows_max integer
-- rows: 0..$3
-- locks: none
-- index: api_keys_by_tenant, api_keys_pkey
SELECT k.id, k.tenant_id, t.name AS tenant_name, k.holder_kind, k.holder_name, k.scopes, k.secret_hint, k.created_by, k.created_at,
       k.revoked_by, k.revoked_at
  FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
 WHERE ($1::text IS NULL OR k.tenant_id = $1::text) AND ($2::text IS NULL OR k.id < $2::text)
 ORDER BY k.id DESC
 LIMIT $3::integer
