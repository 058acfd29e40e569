-- Writes down that the provider was asked to cancel.
--
-- $1 id text  $2 now timestamptz
-- rows: none
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches SET cancel_sent_at = $2 WHERE id = $1 AND cancel_sent_at IS NULL
