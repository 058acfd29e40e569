-- The message batches of a credential that are not known to the provider yet, with the numbers of lines they occupy.
--
-- $1 credential_id text
-- rows: many
-- locks: none
-- index: message_batches_open_count
SELECT line_count, state, create_tries, next_poll_at
  FROM message_batches WHERE credential_id = $1 AND state IN ('intent', 'creating', 'doubtful')
