-- Ends a message batch of which nothing is at the provider, once all its lines have gone back.
--
-- $1 id text  $2 process_id text  $3 from_state text  $4 to_state text (refused or void)  $5 now timestamptz
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey, attempts_in_batch
UPDATE message_batches b
   SET state = $4, ended_at = $5, lease_until = NULL, next_poll_at = NULL
 WHERE b.id = $1 AND b.process_id = $2 AND b.state = $3
   AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.message_batch_id = b.id AND a.state = 'open' AND a.lane = 'batch')
RETURNING id
