-- Remembers why lines of a skip upload were left out.
--
-- $1 bulk_id text  $2 tenant_id text  $3 line integer[]  $4 n smallint[]  $5 field text[]  $6 reason text[]
-- rows: none
-- locks: key share on the bulk
-- index: bulk_errors_pkey
INSERT INTO bulk_errors (bulk_id, tenant_id, line, n, field, reason)
SELECT $1::text, $2::text, e.line, e.n, e.field, e.reason
  FROM unnest($3::integer[], $4::smallint[], $5::text[], $6::text[]) AS e(line, n, field, reason)
