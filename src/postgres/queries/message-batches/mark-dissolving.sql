-- Writes down that an intent is not to be sent: whoever goes on with it only sends its lines back.
--
-- $1 id text  $2 process_id text  $3 error_code text
-- rows: 0 or 1
-- locks: the row
-- index: message_batches_pkey
UPDATE message_batches SET error_code = coalesce(error_code, $3) WHERE id = $1 AND process_id = $2 AND state = 'intent'
RETURNING id
