-- A person lifts what holds a model back, for every credential, with the audit event; the lanes look at once.
--
-- $1 model text  $2 actor text  $3 reason text
-- rows: one per credential it was refused to
-- locks: refused_models, the audit chain
-- index: refused_models_pkey
-- not null: audit_id, told
WITH lifted AS (
  DELETE FROM refused_models WHERE model = $1::text RETURNING credential_id, model
)
SELECT l.credential_id,
       append_audit('installation', $2::text, 'model.allowed', 'model', l.model,
                    jsonb_build_object('credential', l.credential_id, 'reason', $3::text)) AS audit_id,
       pg_notify('sluice_work', '')::text AS told
  FROM lifted l
