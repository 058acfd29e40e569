-- Takes the models that have switched themselves off and nobody has been told of.
--
-- rows: many
-- locks: the rows taken, by model
-- index: count_trust_pkey
-- not null: off_reason
WITH news AS MATERIALIZED (
  SELECT model FROM count_trust WHERE off_at IS NOT NULL AND told_at IS NULL ORDER BY model FOR UPDATE
)
UPDATE count_trust t SET told_at = now() FROM news n WHERE t.model = n.model
RETURNING t.model, t.off_reason, t.off_at
