-- What is known of the lengths of answers, of one job type or of all.
--
-- $1 job_type text | null
-- rows: many
-- locks: none
-- index: right_sizes_pkey
SELECT job_type, prompt_version, model, lengths, samples, cap, sized, truncated, off_at, off_reason FROM right_sizes
 WHERE $1::text IS NULL OR job_type = $1::text
 ORDER BY job_type, prompt_version, model
