-- Locks the jobs of a found batch before their windows are.
--
-- $1 job_id text[]
-- rows: one per job
-- locks: jobs in id order, until the end of the transaction
-- index: jobs_pkey
SELECT id FROM jobs WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE
