-- The batch that was adopted is ours, by its creator's own answer or because nobody else works in the workspace: a cancellation that
-- waited for that is due.
--
-- $1 id text  $2 provider_id text  $3 now timestamptz
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches
   SET unproved = false, next_poll_at = CASE WHEN cancel_requested_at IS NULL THEN next_poll_at ELSE least(next_poll_at, $3::timestamptz) END
 WHERE id = $1 AND provider_id = $2 AND state IN ('created', 'ended') AND unproved
RETURNING id
