-- A quote that is to be used, locked: of two bulks that name it at once, one finds it used.
--
-- $1 id text  $2 tenant_id text
-- rows: 0 or 1
-- locks: the quote, until the end of the transaction
-- index: quotes_pkey
SELECT request_sha256, worst_nano, expires_at, bulk_id FROM quotes WHERE id = $1::text AND tenant_id = $2::text FOR UPDATE
