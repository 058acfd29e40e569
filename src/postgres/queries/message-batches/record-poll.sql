-- Writes what a poll has shown. The state of a batch that has ended there moves on.
--
-- $1 id text  $2 process_id text  $3 processing_status text  $4 count_processing integer  $5 count_succeeded integer
-- $6 count_errored integer  $7 count_canceled integer  $8 count_expired integer  $9 now timestamptz
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches
   SET processing_status = $3, count_processing = $4, count_succeeded = $5, count_errored = $6, count_canceled = $7,
       count_expired = $8, poll_failures = 0,
       state = CASE WHEN $3 = 'ended' THEN 'ended' ELSE state END,
       ended_at = CASE WHEN $3 = 'ended' THEN $9::timestamptz ELSE ended_at END
 WHERE id = $1 AND process_id = $2 AND state = 'created'
RETURNING *
