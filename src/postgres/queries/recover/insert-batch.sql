-- Writes the row that a found message batch must have had: at the provider, to be polled, and ingested at its end.
--
-- $1 id text  $2 tenant_id text  $3 queue_id text  $4 credential_id text  $5 line_count integer  $6 hold_id text  $7 provider_id text
-- $8 provider_created_at timestamptz  $9 provider_expires_at timestamptz  $10 now timestamptz
-- rows: none
-- locks: none beyond the new row; fails on message_batches_provider_id if another batch has that id
-- index: message_batches_pkey, message_batches_provider_id
INSERT INTO message_batches (id, tenant_id, queue_id, credential_id, state, line_count, body_bytes, hold_id, provider_id, adopted,
  create_started_at, create_tries, processing_status, provider_created_at, provider_expires_at, count_processing, next_poll_at, wake_no, error_code, created_at)
VALUES ($1, $2, $3, $4, 'created', $5, 1, $6, $7, true, $8, 1, 'in_progress', $8, $9, $5, $10, 1, 'found_after_restore', $8)
