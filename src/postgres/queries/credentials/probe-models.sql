-- Notes that refused models are being tried again: the next try is counted from now.
--
-- $1 credential_id text  $2 models text[]  $3 now timestamptz
-- rows: none
-- locks: refused_models by model
-- index: refused_models_pkey
WITH tried AS MATERIALIZED (
  SELECT m.model FROM refused_models m
   WHERE m.credential_id = $1::text AND m.model = ANY ($2::text[]) ORDER BY m.model FOR UPDATE
)
UPDATE refused_models m SET probed_at = $3::timestamptz FROM tried t WHERE m.credential_id = $1::text AND m.model = t.model
