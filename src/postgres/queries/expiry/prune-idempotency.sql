-- Forgets idempotency records that have outlived their time.
--
-- $1 rows_max integer
-- rows: none
-- locks: the rows removed, skipping those in use
-- index: idempotency_keys_expiry
DELETE FROM idempotency_keys
 WHERE (tenant_id, key) IN (SELECT tenant_id, key FROM idempotency_keys
                             WHERE expires_at < clock_timestamp() ORDER BY expires_at LIMIT $1::integer FOR UPDATE SKIP LOCKED)
