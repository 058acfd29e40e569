-- Stores the provider's id of a message batch: by its creator, also after its lease has ended and others came to doubt it, or by
-- whoever found it in a listing. One that is being given up for absent is not touched any more.
--
-- $1 id text  $2 provider_id text  $3 adopted boolean  $4 provider_created_at timestamptz  $5 provider_expires_at timestamptz
-- $6 next_poll_at timestamptz  $7 unproved boolean (recognised, and nothing more)  $8 create_tries smallint
-- rows: 0 or 1
-- locks: the row; fails on message_batches_provider_id if another batch has that id
-- index: message_batches_pkey, message_batches_provider_id
UPDATE message_batches
   SET state = 'created', provider_id = $2, adopted = $3, processing_status = 'in_progress', provider_created_at = $4,
       provider_expires_at = $5, next_poll_at = $6, unproved = $7::boolean, poll_failures = 0, count_processing = line_count
 WHERE id = $1 AND state IN ('creating', 'doubtful') AND create_tries = $8 AND error_code IS NULL
RETURNING id
