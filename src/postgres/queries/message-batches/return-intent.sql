-- Takes a creation back that certainly reached nobody: its lines and its hold stay, it is sent again later. With an error code
-- it is to be dissolved instead. Its creator may say so even after others have come to doubt it.
--
-- $1 id text  $2 create_tries smallint  $3 next_poll_at timestamptz  $4 error_code text | null
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches
   SET state = 'intent', next_poll_at = $3, error_code = $4::text, doubtful_since = NULL, clear_listings = 0, last_clear_listing_at = NULL
 WHERE id = $1 AND state IN ('creating', 'doubtful') AND create_tries = $2 AND error_code IS NULL
RETURNING id
