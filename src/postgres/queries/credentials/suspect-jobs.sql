-- Suspects jobs that were refused while their model answered others, once more each.
--
-- $1 job_id text[]  $2 now timestamptz
-- rows: none
-- locks: suspect_jobs by job
-- index: suspect_jobs_pkey
INSERT INTO suspect_jobs AS s (job_id, times, at)
SELECT j.id, 1, $2::timestamptz FROM unnest($1::text[]) AS j(id) ORDER BY j.id
ON CONFLICT (job_id) DO UPDATE SET times = s.times + 1, at = excluded.at
