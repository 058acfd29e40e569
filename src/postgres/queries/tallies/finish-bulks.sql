-- Finishes those bulks that have no open job left, counted exactly over tallies and differences in one snapshot. A job never
-- leaves its outcome, so a bulk without open jobs stays so.
--
-- $1 bulk_id text[] | null (every unfinished bulk)
-- rows: one per bulk that finished now
-- locks: the bulks finished
-- index: bulks_unfinished, job_tallies_pkey, job_tally_changes_by_bulk
UPDATE bulks b SET finished_at = clock_timestamp()
 WHERE b.finished_at IS NULL AND ($1::text[] IS NULL OR b.id = ANY ($1::text[]))
   AND 0 = (SELECT coalesce(sum(c.jobs), 0)
              FROM (SELECT t.jobs FROM job_tallies t
                     WHERE t.bulk_id = b.id AND t.state IN ('queued', 'dispatched', 'running', 'awaiting_approval')
                    UNION ALL
                    SELECT d.jobs FROM job_tally_changes d
                     WHERE d.bulk_id = b.id AND d.state IN ('queued', 'dispatched', 'running', 'awaiting_approval')) c)
RETURNING b.id, b.tenant_id, b.queue_id
