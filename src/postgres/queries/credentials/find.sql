-- A credential's state.
--
-- $1 id text
-- rows: 0 or 1
-- locks: none
-- index: credentials_pkey
SELECT id, name, stopped_at, stop_reason FROM credentials WHERE id = $1
