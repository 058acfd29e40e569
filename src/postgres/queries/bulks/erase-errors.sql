-- Removes the reasons of the lines that a deleted bulk left out.
--
-- $1 bulk_id text
-- rows: none
-- locks: those rows
-- index: bulk_errors_pkey
DELETE FROM bulk_errors WHERE bulk_id = $1::text
