-- Message batches that were about to be created, or being created, when the backup was taken: whether the provider has them is
-- unknown now, and the ordinary resolver finds out. Their holds stay. One that had been given up before it was sent stays an intent.
--
-- $1 now timestamptz
-- rows: many
-- locks: the rows
-- index: message_batches_due
UPDATE message_batches
   SET state = 'doubtful', doubtful_since = $1::timestamptz, create_started_at = coalesce(create_started_at, created_at), clear_listings = 0,
       last_clear_listing_at = NULL, process_id = NULL, lease_until = NULL, next_poll_at = $1::timestamptz, wake_no = wake_no + 1
 WHERE state IN ('intent', 'creating') AND error_code IS NULL
RETURNING id
