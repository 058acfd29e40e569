-- What is known of an Idempotency-Key that somebody else holds.
--
-- $1 tenant_id text  $2 key text
-- rows: 0 or 1
-- locks: none
-- index: idempotency_keys_pkey
SELECT route, body_sha256, status, answer #>> '{}' AS answer FROM idempotency_keys WHERE tenant_id = $1::text AND key = $2::text
