-- Counts the paid lines of a second batch under the name of one of ours.
--
-- $1 id text  $2 lines integer
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches SET paid_twice = paid_twice + $2 WHERE id = $1 RETURNING tenant_id, queue_id
