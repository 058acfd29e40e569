-- Tells every worker to abort its calls of a bulk.
--
-- $1 bulk_id text
-- rows: 1
-- locks: none
-- index: none
SELECT pg_notify('sluice_cancel', 'bulk:' || $1::text)::text AS told
