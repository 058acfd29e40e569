-- Gives a message batch back after a step and says when it is due again; the number names that wake-up.
--
-- $1 id text  $2 process_id text  $3 next_poll_at timestamptz
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches
   SET lease_until = NULL, next_poll_at = $3, wake_no = wake_no + 1
 WHERE id = $1 AND process_id = $2 AND state IN ('intent', 'created', 'ended', 'doubtful')
RETURNING id, state, wake_no
