-- Money held now, attempts that the provider answered with 429, and since when the oldest waiting work waits. The oldest is looked
-- for in the $1 oldest unfinished bulks.
--
-- $1 bulks_max integer
-- rows: 1
-- locks: none
-- index: holds_open, attempts_rate_limited, bulks_unfinished, jobs_queued
-- not null: held_nano, rate_limited
SELECT (SELECT coalesce(sum(remaining_nano), 0)::bigint FROM holds WHERE state = 'open') AS held_nano,
       (SELECT count(*) FROM attempts WHERE http_status = 429) AS rate_limited,
       (SELECT min(j.created_at)
          FROM (SELECT id FROM bulks WHERE finished_at IS NULL ORDER BY id LIMIT $1::integer) b
          CROSS JOIN LATERAL (SELECT created_at FROM jobs WHERE bulk_id = b.id AND state = 'queued' ORDER BY lane, priority DESC, id LIMIT 1) j
       ) AS waiting_since
