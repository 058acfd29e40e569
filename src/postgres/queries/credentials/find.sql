-- A credential's state.
--
-- $1 id text
-- rows: one
-- locks: none
-- index: credentials_pkey
SELECT id, name, stopped_at, stop_reason FROM credentials WHERE id = $1
