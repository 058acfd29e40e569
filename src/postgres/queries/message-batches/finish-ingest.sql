-- Ends a message batch whose rows have been counted against the provider's counts and whose every line has its end.
--
-- $1 id text  $2 process_id text  $3 now timestamptz  $4 ingested_lines integer
-- rows: 0 or 1; none while a line is open
-- locks: the row
-- index: message_batches_pkey, attempts_in_batch
UPDATE message_batches b
   SET state = 'ingested', unproved = false, ingested_at = $3, ingested_lines = $4, lease_until = NULL, next_poll_at = NULL
 WHERE b.id = $1 AND b.process_id = $2 AND b.state = 'ended'
   AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.message_batch_id = b.id AND a.state = 'open' AND a.lane = 'batch')
RETURNING id
