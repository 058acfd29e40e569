-- Takes differences and adds them into the tallies. One statement: at every commit the sum of both tables is exact, and a fold
-- that dies has done nothing. Several folds may run at once: each takes other differences, and all lock tallies in one order.
--
-- $1 rows_max integer
-- rows: 1
-- locks: the differences taken (skipping what another fold holds), then tallies by bulk, lane, state
-- index: job_tally_changes_pkey, job_tallies_pkey
-- not null: taken
WITH taken AS MATERIALIZED (
  DELETE FROM job_tally_changes
   WHERE id IN (SELECT id FROM job_tally_changes ORDER BY id LIMIT $1::integer FOR UPDATE SKIP LOCKED)
  RETURNING bulk_id, lane, state, jobs, cost_nano, realtime_nano, presumed_nano
), folded AS (
  INSERT INTO job_tallies AS t (bulk_id, lane, state, jobs, cost_nano, realtime_nano, presumed_nano)
  SELECT bulk_id, lane, state, sum(jobs), sum(cost_nano), sum(realtime_nano), sum(presumed_nano) FROM taken
   GROUP BY bulk_id, lane, state ORDER BY bulk_id, lane, state
  ON CONFLICT (bulk_id, lane, state) DO UPDATE
     SET jobs = t.jobs + excluded.jobs, cost_nano = t.cost_nano + excluded.cost_nano,
         realtime_nano = t.realtime_nano + excluded.realtime_nano, presumed_nano = t.presumed_nano + excluded.presumed_nano
)
SELECT count(*)::integer AS taken, array_agg(DISTINCT bulk_id) AS bulk_ids FROM taken
