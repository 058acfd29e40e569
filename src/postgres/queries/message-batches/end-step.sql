-- Gives a message batch back after a step and says when it is due again; the number names that wake-up. A cancellation that was asked
-- for while the step was at work makes it due at once.
--
-- $1 id text  $2 process_id text  $3 next_poll_at timestamptz  $4 cancel_known boolean
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches
   SET lease_until = NULL, wake_no = wake_no + 1,
       next_poll_at = CASE WHEN cancel_requested_at IS NULL OR $4::boolean THEN $3 ELSE least($3, cancel_requested_at) END
 WHERE id = $1 AND process_id = $2 AND state IN ('intent', 'created', 'ended', 'doubtful')
RETURNING id, state, wake_no, next_poll_at
