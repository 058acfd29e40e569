-- The point of no return: from here on the request may leave.
--
-- $1 id text  $2 process_id text  $3 now timestamptz  $4 lease_until timestamptz
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches
   SET state = 'creating', create_started_at = $3, create_tries = create_tries + 1, lease_until = $4, next_poll_at = $4
 WHERE id = $1 AND process_id = $2 AND state = 'intent' AND lease_until > $3 AND cancel_requested_at IS NULL
RETURNING create_tries
