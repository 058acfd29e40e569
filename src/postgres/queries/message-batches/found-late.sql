-- A void message batch that the provider has after all: canceled, so that it costs as little as possible, and harvested. One that was
-- only recognised is not canceled before it is proved ours.
--
-- $1 id text  $2 provider_id text  $3 provider_created_at timestamptz  $4 provider_expires_at timestamptz  $5 now timestamptz
-- $6 unproved boolean
-- rows: 0 or 1
-- locks: the row; fails on message_batches_provider_id if another batch has that id
-- index: message_batches_pkey, message_batches_provider_id
UPDATE message_batches
   SET state = 'created', provider_id = $2, adopted = true, processing_status = 'in_progress', provider_created_at = $3,
       provider_expires_at = $4, cancel_requested_at = $5, next_poll_at = $5, error_code = 'found_late', unproved = $6::boolean, ended_at = NULL,
       poll_failures = 0, wake_no = wake_no + 1
 WHERE id = $1 AND state = 'void'
RETURNING id, wake_no
