-- Books spend of which only the provider knew: lines of jobs that the restored rows do not have, and realtime calls as a sum.
--
-- $1 job_id text[]  $2 model text[]  $3 price_id text[]  $4 amount_nano bigint[]  $5 tenant_id text  $6 queue_id text  $7 lane text
-- rows: none
-- locks: none beyond the new rows
-- index: ledger_pkey
INSERT INTO ledger (tenant_id, kind, job_id, attempt_no, bulk_id, queue_id, job_type, prompt_version, model, lane, price_id, amount_nano, realtime_nano)
SELECT $5::text, 'correction', f.job_id, 1, '', $6::text, '', 0, f.model, $7::text, f.price_id, f.amount_nano,
       CASE WHEN $7::text = 'batch' THEN f.amount_nano * 2 ELSE f.amount_nano END
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS f(job_id, model, price_id, amount_nano)
