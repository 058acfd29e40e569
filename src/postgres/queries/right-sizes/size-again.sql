-- Lets a type be right-sized again: what was cut before is forgotten, the lengths stay.
--
-- $1 job_type text
-- rows: many
-- locks: its rows
-- index: right_sizes_pkey
UPDATE right_sizes SET off_at = NULL, off_reason = NULL, sized = 0, truncated = 0, updated_at = now()
 WHERE job_type = $1::text AND off_at IS NOT NULL
RETURNING prompt_version, model
