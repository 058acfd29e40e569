-- Ends a message batch whose results can never be fetched, once every line has been ended without them.
--
-- $1 id text  $2 process_id text  $3 now timestamptz
-- rows: 0 or 1; none while a line is open
-- locks: the row
-- index: message_batches_pkey, attempts_in_batch
UPDATE message_batches b
   SET state = 'ingested', error_code = 'results_lost', unproved = false, ended_at = coalesce(b.ended_at, $3), ingested_at = $3,
       lease_until = NULL, next_poll_at = NULL
 WHERE b.id = $1 AND b.process_id = $2 AND b.state IN ('created', 'ended')
   AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.message_batch_id = b.id AND a.state = 'open' AND a.lane = 'batch')
RETURNING b.id
