-- How a message batch of ours stands whose name was found at the provider.
--
-- $1 id text
-- rows: 0 or 1
-- locks: none
-- index: message_batches_pkey
SELECT id, state, create_tries, provider_id FROM message_batches WHERE id = $1
