-- Removes the rows of processes that ended long ago and have no open attempt any more.
--
-- $1 kept_ms float8
-- rows: none
-- locks: the rows removed
-- index: attempts_in_flight
DELETE FROM processes p
 WHERE coalesce(p.ended_at, p.reaped_at) < clock_timestamp() - $1::float8 * interval '1 millisecond'
   AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.process_id = p.id AND a.state = 'open' AND a.lane = 'realtime')
