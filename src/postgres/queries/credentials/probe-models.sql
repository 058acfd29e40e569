-- Notes that refused models are being tried again: the next try is counted from now.
--
-- $1 credential_id text  $2 models text[]  $3 now timestamptz
-- rows: none
-- locks: refused_models
-- index: refused_models_pkey
UPDATE refused_models SET probed_at = $3::timestamptz WHERE credential_id = $1::text AND model = ANY ($2::text[])
