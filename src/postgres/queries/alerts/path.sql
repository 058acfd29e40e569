-- How the way out does: failures in a row over all alerts, what waits to leave and since when, and what was given up.
--
-- rows: 1
-- locks: none
-- index: alert_path_pkey, alerts_undelivered
-- not null: failures_in_row, pending, failed
SELECT p.failures_in_row, p.last_error,
       (SELECT count(*) FROM alerts WHERE state = 'pending') AS pending,
       (SELECT count(*) FROM alerts WHERE state = 'failed') AS failed,
       (SELECT min(raised_at) FROM alerts WHERE state = 'pending') AS oldest_pending_at
  FROM alert_path p
