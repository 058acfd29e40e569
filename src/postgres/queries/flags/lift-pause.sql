-- Lifts the open pause of a scope and target, with its audit event. One that was set by an actor of $5 stays: the caller asks for a
-- person to lift it.
--
-- $1 scope text  $2 target text  $3 actor text  $4 reason text | null  $5 not_set_by text[]
-- rows: 0 or 1; none if no such pause was open, or only one that stays
-- locks: the flag, the audit chain, then flag_version, until the end of the statement
-- index: flags_open
-- not null: audit_id
WITH lifted AS (
  UPDATE flags SET lifted_at = now(), lifted_by = $3::text
   WHERE kind = 'pause' AND scope = $1::text AND target = $2::text AND lifted_at IS NULL AND set_by <> ALL ($5::text[])
  RETURNING *
)
SELECT l.id, l.tenant_id, l.kind, l.scope, l.target, l.mode, l.reason, l.set_by, l.set_at,
       append_audit(l.tenant_id, $3::text, 'pause.lifted', l.scope, l.target, jsonb_build_object('flag', l.id, 'reason', $4::text)) AS audit_id
  FROM lifted l
