-- The span of the ledger that is to be read next for the lengths of a type: an hour of it at most, and only what is old enough that no
-- transaction of that time is still open.
--
-- $1 job_type text  $2 lag_ms integer
-- rows: 0 or 1; none before begin-fold
-- locks: the row, so that one reads at a time
-- index: right_size_folds_pkey
-- not null: since, until
SELECT f.folded_until AS since,
       greatest(least(now() - $2::integer * interval '1 ms', f.folded_until + interval '1 hour'), f.folded_until) AS until
  FROM right_size_folds f WHERE f.job_type = $1::text FOR UPDATE
