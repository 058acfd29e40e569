-- Removes alerts that are done with and older than an instant: they left, were logged, or were given up long ago.
--
-- $1 before timestamptz  $2 rows_max integer
-- rows: none
-- locks: the rows removed
-- index: alerts_by_age, alerts_pkey
DELETE FROM alerts WHERE id IN (
  SELECT a.id FROM alerts a WHERE a.state <> 'pending' AND a.announced_at IS NOT NULL AND a.raised_at < $1::timestamptz
   ORDER BY a.raised_at LIMIT $2::integer)
