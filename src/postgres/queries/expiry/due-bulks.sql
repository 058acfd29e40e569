-- Unfinished bulks past their maximum age, or with a deadline that may have passed, that have waiting jobs: the counts say so
-- without a look at the jobs.
--
-- $1 rows_max integer
-- rows: many
-- locks: none
-- index: bulks_unfinished, job_tallies_pkey, job_tally_changes_by_bulk
-- not null: aged
SELECT b.id, b.expires_at <= clock_timestamp() AS aged FROM bulks b
 WHERE b.finished_at IS NULL AND (b.expires_at <= clock_timestamp() OR b.deadline_sweep_at <= clock_timestamp())
   AND 0 < (SELECT coalesce(sum(c.jobs), 0)
              FROM (SELECT t.jobs FROM job_tallies t WHERE t.bulk_id = b.id AND t.state IN ('queued', 'awaiting_approval')
                    UNION ALL
                    SELECT d.jobs FROM job_tally_changes d WHERE d.bulk_id = b.id AND d.state IN ('queued', 'awaiting_approval')) c)
 ORDER BY least(b.expires_at, b.deadline_sweep_at) LIMIT $1::integer
