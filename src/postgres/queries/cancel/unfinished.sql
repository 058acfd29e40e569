-- Bulks that were canceled but still have open jobs: whoever canceled them died half way. A moment of grace leaves those alone
-- that are being canceled right now.
--
-- $1 grace_ms float8  $2 rows_max integer
-- rows: many
-- locks: none
-- index: bulks_unfinished
SELECT id FROM bulks
 WHERE finished_at IS NULL AND canceled_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
 ORDER BY canceled_at LIMIT $2::integer
