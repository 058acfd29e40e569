-- The caps in force.
--
-- rows: many
-- locks: none
-- index: right_sizes_pkey
-- not null: cap
SELECT job_type, prompt_version, model, cap FROM right_sizes WHERE cap IS NOT NULL
