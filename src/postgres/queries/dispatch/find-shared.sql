-- What the jobs of a bulk share, and the caps they were accepted under, to prepare them.
--
-- $1 bulk_id text
-- rows: 0 or 1
-- locks: none
-- index: bulks_pkey
SELECT shared, caps FROM bulks WHERE id = $1
