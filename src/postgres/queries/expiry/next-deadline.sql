-- Notes when a bulk has to be looked at again for deadlines: at the earliest one still open, but not at once again, since jobs
-- under way may be past theirs and only count when they come back.
--
-- $1 bulk_id text  $2 gap_ms float8
-- rows: none
-- locks: the bulk
-- index: bulks_pkey, jobs_by_line
UPDATE bulks b
   SET deadline_sweep_at = (SELECT greatest(min(j.deadline_at), clock_timestamp() + $2::float8 * interval '1 millisecond')
                              FROM jobs j
                             WHERE j.bulk_id = b.id AND j.expires_at_deadline
                               AND j.state IN ('queued', 'dispatched', 'running', 'awaiting_approval')
                            HAVING count(*) > 0)
 WHERE b.id = $1::text
