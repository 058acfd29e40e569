-- Keeps a quote.
--
-- $1 id text  $2 tenant_id text  $3 queue_id text  $4 job_type text  $5 request_sha256 bytea  $6 worst_nano bigint
-- $7 created_by text  $8 expires_at timestamptz
-- rows: none
-- locks: key share on tenant and queue
-- index: quotes_pkey
INSERT INTO quotes (id, tenant_id, queue_id, job_type, request_sha256, worst_nano, created_by, expires_at)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::bytea, $6::bigint, $7::text, $8::timestamptz)
