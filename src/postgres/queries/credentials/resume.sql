-- A call that was sent at $2 has succeeded: the stop of its credential is lifted if it is older, and so is what holds its models back.
-- Refusals of other models that are older are proved to be those models' alone.
--
-- $1 id text  $2 sent_at timestamptz  $3 models text[]
-- rows: none
-- locks: refused_models, then credentials
-- index: credentials_pkey, refused_models_pkey
WITH allowed AS (
  DELETE FROM refused_models WHERE credential_id = $1::text AND model = ANY ($3::text[]) AND refused_at < $2::timestamptz
), proved AS (
  UPDATE refused_models SET proved = true
   WHERE credential_id = $1::text AND NOT model = ANY ($3::text[]) AND since < $2::timestamptz AND NOT proved
)
UPDATE credentials SET stopped_at = NULL, stop_reason = NULL WHERE id = $1::text AND stopped_at < $2::timestamptz
