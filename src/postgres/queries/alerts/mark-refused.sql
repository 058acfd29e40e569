-- Notes that a try failed: the alert is due again after a pause, or given up after its last try.
--
-- $1 id text  $2 error text  $3 pause_ms integer  $4 tries_max integer
-- rows: 0 (delivered meanwhile) or 1
-- locks: the alert, then alert_path
-- index: alerts_pkey, alert_path_pkey
WITH marked AS (
  UPDATE alerts
     SET state = CASE WHEN tries >= $4::integer THEN 'failed' ELSE 'pending' END, last_error = $2::text,
         next_try_at = now() + $3::integer * interval '1 ms'
   WHERE id = $1::text AND state = 'pending'
  RETURNING state
), path AS (
  UPDATE alert_path SET failures_in_row = failures_in_row + 1, last_error = $2::text, last_failure_at = now() WHERE only_row
)
SELECT state FROM marked
