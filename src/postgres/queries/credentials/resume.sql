-- Lifts the stop of a credential: a call that was sent after it has succeeded.
--
-- $1 id text  $2 sent_at timestamptz
-- rows: none
-- locks: credentials
-- index: credentials_pkey
UPDATE credentials SET stopped_at = NULL, stop_reason = NULL WHERE id = $1 AND stopped_at < $2
