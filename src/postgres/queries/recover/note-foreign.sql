-- Remembers a provider's batch as somebody else's.
--
-- $1 credential_id text  $2 provider_id text
-- rows: none
-- locks: none beyond the new row
-- index: foreign_batches_pkey
INSERT INTO foreign_batches (credential_id, provider_id) VALUES ($1, $2) ON CONFLICT DO NOTHING
