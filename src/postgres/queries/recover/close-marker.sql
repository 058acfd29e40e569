-- Closes the marker of a restore whose realtime spend is booked.
--
-- $1 id text  $2 recovered_by text
-- rows: 0 or 1
-- locks: the row
-- index: restores_pkey
UPDATE restores SET recovered_at = now(), recovered_by = $2 WHERE id = $1 AND recovered_at IS NULL AND realtime_nano IS NOT NULL
RETURNING id
