-- Message batches that are to be canceled and of which the provider has not been asked that yet. One that may be a stranger's is left
-- out: it is not canceled before its results have shown whose it is.
--
-- $1 credential_id text  $2 rows_max integer
-- rows: many, the oldest request first
-- locks: none
-- index: message_batches_to_cancel
-- not null: provider_id
SELECT id, provider_id FROM message_batches
 WHERE cancel_requested_at IS NOT NULL AND cancel_sent_at IS NULL AND state = 'created' AND credential_id = $1::text
   AND NOT unproved
 ORDER BY cancel_requested_at LIMIT $2::integer
