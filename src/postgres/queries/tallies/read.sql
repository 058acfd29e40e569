-- The counts and costs of bulks by lane and state, exact at this moment.
--
-- $1 bulk_id text[]
-- rows: many, none for a count of zero without cost
-- locks: none
-- index: job_tallies_pkey, job_tally_changes_by_bulk
-- not null: bulk_id, lane, state, jobs, cost_nano, realtime_nano, presumed_nano
SELECT c.bulk_id, c.lane, c.state, sum(c.jobs)::bigint AS jobs, sum(c.cost_nano)::bigint AS cost_nano,
       sum(c.realtime_nano)::bigint AS realtime_nano, sum(c.presumed_nano)::bigint AS presumed_nano
  FROM (SELECT bulk_id, lane, state, jobs, cost_nano, realtime_nano, presumed_nano FROM job_tallies WHERE bulk_id = ANY ($1::text[])
        UNION ALL
        SELECT bulk_id, lane, state, jobs, cost_nano, realtime_nano, presumed_nano FROM job_tally_changes WHERE bulk_id = ANY ($1::text[])) c
 GROUP BY c.bulk_id, c.lane, c.state
HAVING sum(c.jobs) <> 0 OR sum(c.cost_nano) <> 0
