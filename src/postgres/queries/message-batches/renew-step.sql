-- Prolongs the lease of a step that is still at work. A creation is due for the sweep when its lease ends.
--
-- $1 id text  $2 process_id text  $3 lease_until timestamptz  $4 now timestamptz
-- rows: 0 or 1; none when the lease is lost
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches
   SET lease_until = $3, next_poll_at = CASE WHEN state = 'creating' THEN $3 ELSE next_poll_at END
 WHERE id = $1 AND process_id = $2 AND lease_until > $4
RETURNING id
