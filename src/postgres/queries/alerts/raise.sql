-- Raises an alert that no trigger raises; nothing if its key has raised one before. Names and owner are looked up by a trigger.
--
-- $1 dedupe_key text  $2 kind text  $3 tenant_id text  $4 scope text  $5 target text  $6 reason text
-- rows: 0 (the key is known) or 1
-- locks: none
-- index: alerts_dedupe_key_key
INSERT INTO alerts (dedupe_key, kind, tenant_id, scope, target, reason)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text)
ON CONFLICT (dedupe_key) DO NOTHING
RETURNING id
