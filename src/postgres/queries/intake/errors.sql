-- The lines a skip upload left out and why, in order.
--
-- $1 bulk_id text  $2 after_line integer  $3 after_n smallint (the last row seen)  $4 rows_max integer
-- rows: 0..$4
-- locks: none
-- index: bulk_errors_pkey
SELECT line, n, field, reason
  FROM bulk_errors
 WHERE bulk_id = $1::text AND (line, n) > ($2::integer, $3::smallint)
 ORDER BY line, n
 LIMIT $4::integer
