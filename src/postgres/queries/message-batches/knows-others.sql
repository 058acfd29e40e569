-- Whether a batch in the workspace of this credential was ever proved to be somebody else's.
--
-- $1 credential_id text
-- rows: 1
-- locks: none
-- index: foreign_batches_pkey
-- not null: known
SELECT EXISTS (SELECT 1 FROM foreign_batches WHERE credential_id = $1::text) AS known
