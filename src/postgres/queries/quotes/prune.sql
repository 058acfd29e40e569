-- Removes quotes that nobody used in time.
--
-- $1 before timestamptz  $2 rows_max integer
-- rows: none
-- locks: the rows removed
-- index: quotes_expiry
DELETE FROM quotes WHERE id IN (SELECT id FROM quotes WHERE expires_at < $1::timestamptz AND bulk_id IS NULL LIMIT $2::integer)
