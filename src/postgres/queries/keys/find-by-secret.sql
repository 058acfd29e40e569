-- The key in force behind a secret, with the tenant it belongs to.
--
-- $1 secret_sha256 bytea
-- rows: 0 or 1
-- locks: none
-- index: api_keys_secret_sha256_key
SELECT k.id, k.tenant_id, t.name AS tenant_name, k.holder_kind, k.holder_name, k.scopes
  FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
 WHERE k.secret_sha256 = $1::bytea AND k.revoked_at IS NULL
