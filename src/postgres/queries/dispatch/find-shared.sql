-- What the jobs of a bulk share, to prepare them.
--
-- $1 bulk_id text
-- rows: one
-- locks: none
-- index: bulks_pkey
SELECT shared FROM bulks WHERE id = $1
