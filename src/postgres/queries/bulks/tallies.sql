-- Counts and money of some bulks by lane and state: the folded sums plus the changes since, exact at every commit.
--
-- $1 bulk_id text[]
-- rows: one per bulk, lane and state
-- locks: none
-- index: job_tallies_pkey, job_tally_changes_by_bulk
-- not null: bulk_id, lane, state, jobs, cost_nano, realtime_nano, presumed_nano
SELECT t.bulk_id, t.lane, t.state, sum(t.jobs)::bigint AS jobs, sum(t.cost_nano)::bigint AS cost_nano,
       sum(t.realtime_nano)::bigint AS realtime_nano, sum(t.presumed_nano)::bigint AS presumed_nano
  FROM (SELECT bulk_id, lane, state, jobs, cost_nano, realtime_nano, presumed_nano FROM job_tallies WHERE bulk_id = ANY ($1::text[])
        UNION ALL
        SELECT bulk_id, lane, state, jobs, cost_nano, realtime_nano, presumed_nano FROM job_tally_changes WHERE bulk_id = ANY ($1::text[])) t
 GROUP BY t.bulk_id, t.lane, t.state
 ORDER BY t.bulk_id, t.lane, t.state
