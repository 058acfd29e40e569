-- Jobs and their money over all bulks by lane and state, from the tallies.
--
-- rows: one per lane and state
-- locks: none
-- index: none (both tables are small sums)
-- not null: lane, state, jobs, cost_nano, presumed_nano
SELECT t.lane, t.state, sum(t.jobs)::bigint AS jobs, sum(t.cost_nano)::bigint AS cost_nano, sum(t.presumed_nano)::bigint AS presumed_nano
  FROM (SELECT lane, state, jobs, cost_nano, presumed_nano FROM job_tallies
        UNION ALL
        SELECT lane, state, jobs, cost_nano, presumed_nano FROM job_tally_changes) t
 GROUP BY t.lane, t.state
