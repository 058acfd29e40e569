-- The highest finish number of a bulk; 0 if nothing of it is finished.
--
-- $1 bulk_id text
-- rows: 1
-- locks: none
-- index: jobs_finished
-- not null: seq
SELECT coalesce(max(finish_seq), 0)::bigint AS seq FROM jobs WHERE bulk_id = $1::text AND finish_seq IS NOT NULL
