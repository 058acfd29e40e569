-- Stores the answer of the request that holds the claim, in the transaction of the work itself. Zero rows: the claim was taken
-- over meanwhile, and the work must be rolled back.
--
-- $1 tenant_id text  $2 key text  $3 process_id text  $4 claimed_at text  $5 body_sha256 bytea  $6 status smallint  $7 answer text
-- rows: 0 or 1
-- locks: the key's row
-- index: idempotency_keys_pkey
UPDATE idempotency_keys
   SET body_sha256 = $5::bytea, status = $6::smallint, answer = to_jsonb($7::text)
 WHERE tenant_id = $1::text AND key = $2::text AND process_id = $3::text AND created_at = $4::text::timestamptz AND status IS NULL
RETURNING key
