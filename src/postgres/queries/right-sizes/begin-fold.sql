-- Begins to read the lengths of a type: with what the ledger holds of its last seven days, so that what is known counts at once.
--
-- $1 job_type text
-- rows: none
-- locks: none beyond the new row
-- index: right_size_folds_pkey, ledger_by_time
INSERT INTO right_size_folds (job_type, folded_until)
SELECT $1::text, greatest(now() - interval '7 days', coalesce((SELECT min(created_at) FROM ledger), now()))
ON CONFLICT (job_type) DO NOTHING
