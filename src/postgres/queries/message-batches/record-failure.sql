-- Counts a poll or download that failed; never a reason to give up.
--
-- $1 id text  $2 process_id text
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches SET poll_failures = least(poll_failures + 1, 1000) WHERE id = $1 AND process_id = $2
RETURNING poll_failures
