-- The row of a bulk, at the start of its upload's transaction; counts follow at the end (bulks/seal).
--
-- $1 id text  $2 tenant_id text  $3 queue_id text  $4 job_type text  $5 shared text | null  $6 labels text (JSON object)
-- $7 on_invalid text  $8 single boolean  $9 retry_of text | null  $10 created_by text  $11 expires_at timestamptz
-- $12 caps text (JSON object)
-- rows: none
-- locks: key share on tenant and queue
-- index: bulks_pkey
INSERT INTO bulks (id, tenant_id, queue_id, job_type, shared, labels, on_invalid, single, retry_of, created_by, expires_at, caps)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text::jsonb, $7::text, $8::boolean, $9::text, $10::text, $11::timestamptz,
  $12::text::jsonb)
