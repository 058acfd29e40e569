-- Remembers prompt versions and answers what is on record for each: a version whose text changed differs from what was given.
--
-- $1 job_type text[]  $2 version integer[]  $3 sha256 text[]
-- rows: one per prompt version whose record differs
-- locks: none beyond the new rows
-- index: prompt_versions_pkey
WITH given AS (
  SELECT * FROM unnest($1::text[], $2::integer[], $3::text[]) AS g(job_type, version, sha256)
), added AS (
  INSERT INTO prompt_versions (job_type, version, sha256) SELECT job_type, version, sha256 FROM given ORDER BY job_type, version
  ON CONFLICT (job_type, version) DO NOTHING
)
SELECT p.job_type, p.version FROM prompt_versions p JOIN given g ON g.job_type = p.job_type AND g.version = p.version
 WHERE p.sha256 <> g.sha256
