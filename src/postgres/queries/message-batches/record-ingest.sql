-- Shows how far the results have been stored.
--
-- $1 id text  $2 process_id text  $3 ingested_lines integer  $4 paid_twice integer (counted in this chunk)
-- rows: 0 or 1; none when the step is lost to another process
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches SET ingested_lines = $3, paid_twice = paid_twice + $4 WHERE id = $1 AND process_id = $2 AND state = 'ended'
RETURNING id
