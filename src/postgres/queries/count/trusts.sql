-- How far the counts of each model can be believed.
--
-- rows: many
-- locks: none
-- index: count_trust_pkey
SELECT model, margin_bp, samples, worst_bp, since, off_at, off_reason FROM count_trust ORDER BY model
