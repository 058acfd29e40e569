-- Makes the row of each model that is counted for the first time: settlements judge rows that are there.
--
-- $1 model text[]
-- rows: none
-- locks: none beyond the new rows
-- index: count_trust_pkey
INSERT INTO count_trust (model) SELECT m.model FROM unnest($1::text[]) AS m(model) ORDER BY m.model
ON CONFLICT (model) DO NOTHING
