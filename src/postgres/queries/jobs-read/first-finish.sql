-- The lowest finish number of a bulk; 0 if nothing of it is finished. The numbers are shared by all bulks: a bulk begins far up.
--
-- $1 bulk_id text
-- rows: 1
-- locks: none
-- index: jobs_finished
-- not null: seq
SELECT coalesce(min(finish_seq), 0)::bigint AS seq FROM jobs WHERE bulk_id = $1::text AND finish_seq IS NOT NULL
