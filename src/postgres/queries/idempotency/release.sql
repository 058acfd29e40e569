-- Gives a claim back: nothing was accepted under it, and the same key may be sent again.
--
-- $1 tenant_id text  $2 key text  $3 process_id text  $4 claimed_at text
-- rows: none
-- locks: the key's row
-- index: idempotency_keys_pkey
DELETE FROM idempotency_keys
 WHERE tenant_id = $1::text AND key = $2::text AND process_id = $3::text AND created_at = $4::text::timestamptz AND status IS NULL
