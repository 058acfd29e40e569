-- Bulks of a queue that have lines waiting, behind a given one, oldest first. Counts are exact at this instant: folded sums and
-- the changes since.
--
-- $1 queue_id text  $2 after_bulk_id text  $3 bulks_max integer
-- rows: many, at most bulks_max
-- locks: none
-- index: bulks_unfinished, job_tallies_pkey, job_tally_changes_by_bulk
-- not null: waiting
SELECT b.id AS bulk_id, b.tenant_id, b.job_type, b.accepted, t.waiting
  FROM bulks b
 CROSS JOIN LATERAL (
   SELECT coalesce(sum(c.jobs), 0)::integer AS waiting
     FROM (SELECT jobs FROM job_tallies WHERE bulk_id = b.id AND lane = 'batch' AND state = 'queued'
           UNION ALL
           SELECT jobs FROM job_tally_changes WHERE bulk_id = b.id AND lane = 'batch' AND state = 'queued') c
 ) t
 WHERE b.queue_id = $1::text AND b.id > $2::text AND b.finished_at IS NULL AND b.canceled_at IS NULL AND b.approval IS DISTINCT FROM 'waiting' AND t.waiting > 0
 ORDER BY b.id
 LIMIT $3::integer
