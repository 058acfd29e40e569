-- Processes whose lease has ended and of which it is not known that they are dead, with what their death can be seen by.
--
-- $1 rows_max integer
-- rows: 0..$1
-- locks: none
-- index: none; the table has a row a process
-- not null: identity
SELECT p.id, p.identity FROM processes p
 WHERE p.ended_at IS NULL AND p.again_as IS NULL AND p.identity IS NOT NULL AND p.lease_until < clock_timestamp() AND NOT is_gone(p)
 ORDER BY p.started_at DESC LIMIT $1::integer
