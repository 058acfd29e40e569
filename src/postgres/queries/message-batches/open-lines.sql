-- The open attempts of a message batch whose lines are to go back or to end without results, some at a time.
--
-- $1 message_batch_id text  $2 rows_max integer
-- rows: many
-- locks: none
-- index: attempts_in_batch, jobs_pkey
-- not null: attempts_counted
SELECT a.job_id, a.no, a.worst_nano, j.tries, (j.attempts_paid - j.continuations)::smallint AS attempts_counted, j.attempts_max, j.cancel_requested_at
  FROM attempts a JOIN jobs j ON j.id = a.job_id
 WHERE a.message_batch_id = $1 AND a.state = 'open' AND a.lane = 'batch'
 LIMIT $2::integer
