-- The next jobs of a bulk behind a line.
--
-- $1 bulk_id text  $2 after_line integer  $3 rows_max integer
-- rows: many
-- locks: none
-- index: jobs_by_line
SELECT id, line, lane, state, wait_reason, attempts_paid, cost_nano, finished_at
  FROM jobs WHERE bulk_id = $1::text AND line > $2::integer ORDER BY line LIMIT $3::integer
