-- Forgets suspected jobs that were refused before an instant; those that still wait begin anew.
--
-- $1 before timestamptz  $2 rows_max integer
-- rows: none
-- locks: the rows removed; those somebody is at are left for the next time
-- index: suspect_jobs_by_age, suspect_jobs_pkey
DELETE FROM suspect_jobs WHERE job_id IN (
  SELECT s.job_id FROM suspect_jobs s WHERE s.at < $1::timestamptz ORDER BY s.at LIMIT $2::integer FOR UPDATE SKIP LOCKED)
