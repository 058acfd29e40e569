-- Locks bulks whose totals are capped and answers what is left of them.
--
-- $1 bulk_id text[]
-- rows: one per bulk
-- locks: bulks in id order, until the end of the transaction; behind attempts and jobs, before any budget window
-- index: bulks_pkey
SELECT id, attempts_left, tokens_left FROM bulks WHERE id = ANY ($1::text[]) ORDER BY id FOR NO KEY UPDATE
