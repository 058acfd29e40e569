-- Unfinished bulks past their maximum age, or with a deadline that may have passed, that have waiting jobs: the counts say so
-- without a look at the jobs. Time under a pause or stop does not count against the age, and does against a deadline.
--
-- $1 rows_max integer
-- rows: many
-- locks: none
-- index: bulks_unfinished, job_tallies_pkey, job_tally_changes_by_bulk, flags_pkey
-- not null: aged
SELECT b.id, a.aged
  FROM bulks b
 CROSS JOIN LATERAL (
   SELECT CASE WHEN b.expires_at <= clock_timestamp() THEN b.expires_at + suspended_for(b) <= clock_timestamp() ELSE false END AS aged
 ) a
 WHERE b.finished_at IS NULL AND (a.aged OR b.deadline_sweep_at <= clock_timestamp())
   AND 0 < (SELECT coalesce(sum(c.jobs), 0)
              FROM (SELECT t.jobs FROM job_tallies t WHERE t.bulk_id = b.id AND t.state IN ('queued', 'awaiting_approval')
                    UNION ALL
                    SELECT d.jobs FROM job_tally_changes d WHERE d.bulk_id = b.id AND d.state IN ('queued', 'awaiting_approval')) c)
 ORDER BY least(b.expires_at, b.deadline_sweep_at) LIMIT $1::integer
