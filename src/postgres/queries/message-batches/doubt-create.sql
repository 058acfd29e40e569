-- The end of a creation is unknown to its own process.
--
-- $1 id text  $2 create_tries smallint  $3 now timestamptz
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches
   SET state = 'doubtful', doubtful_since = $3, next_poll_at = $3, clear_listings = 0, last_clear_listing_at = NULL
 WHERE id = $1 AND state = 'creating' AND create_tries = $2
RETURNING id
