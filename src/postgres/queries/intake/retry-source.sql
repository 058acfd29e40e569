-- Jobs of a bulk that ended in certain ways, with their inputs, in line order: the lines of a retry.
--
-- $1 bulk_id text  $2 outcome text[]  $3 after_line integer  $4 to_line integer (included)  $5 rows_max integer
-- rows: 0..$5
-- locks: none
-- index: jobs_by_line, job_inputs_pkey
SELECT j.id, j.line, j.key, j.urgency, j.priority, j.labels, i.input
  FROM jobs j JOIN job_inputs i ON i.job_id = j.id
 WHERE j.bulk_id = $1::text AND j.line > $3::integer AND j.line <= $4::integer AND j.state = ANY ($2::text[])
 ORDER BY j.line
 LIMIT $5::integer
