-- How many processes of a role are alive and how many calls at once they are set up for: what a shared pace is divided by.
--
-- $1 role text
-- rows: 1
-- locks: none
-- index: processes_alive
-- not null: processes, concurrency
SELECT count(*)::integer AS processes, coalesce(sum(concurrency), 0)::integer AS concurrency
  FROM processes
 WHERE ended_at IS NULL AND reaped_at IS NULL AND lease_until > clock_timestamp() AND roles @> ARRAY[$1::text]
