-- Creates a key; only the hash of its secret is stored.
--
-- $1 id text  $2 tenant_id text  $3 holder_kind text  $4 holder_name text  $5 scopes text[]  $6 secret_sha256 bytea
-- $7 secret_hint text  $8 created_by text
-- rows: 1
-- locks: none
-- index: api_keys_pkey
INSERT INTO api_keys (id, tenant_id, holder_kind, holder_name, scopes, secret_sha256, secret_hint, created_by)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::text[], $6::bytea, $7::text, $8::text)
RETURNING created_at
