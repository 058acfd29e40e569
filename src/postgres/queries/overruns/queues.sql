-- Queues that were overrun and have not been stopped for it yet.
--
-- $1 rows_max integer
-- rows: 0..$1
-- locks: none
-- index: overruns_open
SELECT DISTINCT queue_id FROM overruns WHERE handled_at IS NULL LIMIT $1::integer
