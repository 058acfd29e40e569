-- Notes that the realtime spend since the backup is booked; only once.
--
-- $1 id text  $2 realtime_nano bigint
-- rows: 0 or 1
-- locks: the row
-- index: restores_pkey
UPDATE restores SET realtime_nano = $2 WHERE id = $1 AND recovered_at IS NULL AND realtime_nano IS NULL
RETURNING id
