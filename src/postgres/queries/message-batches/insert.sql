-- Writes the intent of a message batch; the last statement of its transaction, behind the hold it names.
--
-- $1 id text  $2 tenant_id text  $3 queue_id text  $4 credential_id text  $5 line_count integer  $6 body_bytes bigint
-- $7 hold_id text  $8 now timestamptz
-- rows: none
-- locks: none beyond the new row; fails on message_batches_open_count if the number of lines is taken
-- index: message_batches_open_count
INSERT INTO message_batches (id, tenant_id, queue_id, credential_id, line_count, body_bytes, hold_id, next_poll_at, wake_no, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $8)
