-- The highest line number of a bulk; 0 if it has none.
--
-- $1 bulk_id text
-- rows: 1
-- locks: none
-- index: jobs_by_line
-- not null: line
SELECT coalesce(max(line), 0) AS line FROM jobs WHERE bulk_id = $1::text
