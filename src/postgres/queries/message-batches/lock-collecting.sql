-- Lets one transaction at a time form message batches of a credential, so that two never choose the same number of lines.
--
-- $1 credential_id text
-- rows: 1
-- locks: an advisory lock, until the end of the transaction; never waits
-- index: none
-- not null: locked
SELECT pg_try_advisory_xact_lock(hashtextextended('message-batches ' || $1::text, 0)) AS locked
