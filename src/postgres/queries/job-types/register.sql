-- Remembers a job type and its owner.
--
-- $1 name text[]  $2 owner text[]
-- rows: none
-- locks: job_types
-- index: job_types_pkey
INSERT INTO job_types (name, owner)
SELECT t.name, t.owner FROM unnest($1::text[], $2::text[]) AS t(name, owner) ORDER BY t.name
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, last_seen_at = now()
