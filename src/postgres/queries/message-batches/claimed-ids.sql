-- Which of the provider's batch ids are spoken for: stored with a message batch of ours, or proved to be somebody else's.
--
-- $1 credential_id text  $2 provider_id text[]
-- rows: many
-- locks: none
-- index: message_batches_provider_id, foreign_batches_pkey
-- not null: provider_id
SELECT provider_id FROM message_batches WHERE credential_id = $1::text AND provider_id = ANY ($2::text[])
 UNION
SELECT provider_id FROM foreign_batches WHERE credential_id = $1::text AND provider_id = ANY ($2::text[])
