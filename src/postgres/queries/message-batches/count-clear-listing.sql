-- Counts a complete listing without a candidate.
--
-- $1 id text  $2 process_id text  $3 listed_at timestamptz
-- rows: none
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches SET clear_listings = clear_listings + 1, last_clear_listing_at = $3
 WHERE id = $1 AND process_id = $2 AND state = 'doubtful'
