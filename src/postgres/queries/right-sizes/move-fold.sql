-- Says up to when the lengths of a type have been read.
--
-- $1 job_type text  $2 until timestamptz
-- rows: none
-- locks: the row (held by the caller's transaction already)
-- index: right_size_folds_pkey
UPDATE right_size_folds SET folded_until = $2::timestamptz WHERE job_type = $1::text
