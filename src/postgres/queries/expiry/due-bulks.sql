-- Unfinished bulks past their maximum age, or with a deadline that may have passed.
--
-- $1 rows_max integer
-- rows: many
-- locks: none
-- index: bulks_unfinished
-- not null: aged
SELECT id, expires_at <= clock_timestamp() AS aged FROM bulks
 WHERE finished_at IS NULL AND (expires_at <= clock_timestamp() OR deadline_sweep_at <= clock_timestamp())
 ORDER BY least(expires_at, deadline_sweep_at) LIMIT $1::integer
