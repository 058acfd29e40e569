-- Lifts the stop of a credential: a call has succeeded again.
--
-- $1 id text
-- rows: none
-- locks: credentials
-- index: credentials_pkey
UPDATE credentials SET stopped_at = NULL, stop_reason = NULL WHERE id = $1 AND stopped_at IS NOT NULL
