-- Puts a creation whose lease has ended in doubt: its process is dead or frozen, and nobody else knows whether it was sent.
--
-- $1 id text  $2 now timestamptz
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches
   SET state = 'doubtful', doubtful_since = lease_until, process_id = NULL, lease_until = NULL, next_poll_at = $2,
       clear_listings = 0, last_clear_listing_at = NULL
 WHERE id = $1 AND state = 'creating' AND lease_until <= $2
RETURNING id
