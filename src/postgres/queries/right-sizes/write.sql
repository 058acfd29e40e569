-- Writes what is known of the lengths of answers.
--
-- $1 job_type text  $2 prompt_version integer  $3 model text  $4 lengths integer[]  $5 samples integer  $6 cap integer | null
-- $7 sized integer  $8 truncated integer  $9 off_reason text | null
-- rows: none
-- locks: the row
-- index: right_sizes_pkey
INSERT INTO right_sizes AS r (job_type, prompt_version, model, lengths, samples, cap, sized, truncated, off_at, off_reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $9::text IS NULL THEN NULL ELSE now() END, $9::text)
ON CONFLICT (job_type, prompt_version, model) DO UPDATE
   SET lengths = excluded.lengths, samples = excluded.samples, cap = excluded.cap, sized = excluded.sized, truncated = excluded.truncated,
       off_at = CASE WHEN excluded.off_reason IS NULL THEN NULL ELSE coalesce(r.off_at, excluded.off_at) END,
       off_reason = excluded.off_reason, updated_at = now()
