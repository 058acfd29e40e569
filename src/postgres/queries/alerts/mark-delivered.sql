-- Notes that an alert was taken by its receiver. A sender that was slow and comes late finds it delivered already.
--
-- $1 id text
-- rows: none
-- locks: the alert, then alert_path
-- index: alerts_pkey, alert_path_pkey
WITH marked AS (
  UPDATE alerts SET state = 'delivered', delivered_at = now(), last_error = NULL WHERE id = $1::text AND state IN ('pending', 'failed')
)
UPDATE alert_path SET failures_in_row = 0, last_error = NULL, last_success_at = now() WHERE only_row
