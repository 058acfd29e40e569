-- Lifts the stop of a restore, with its audit event. A stop that somebody else had set stays.
--
-- $1 actor text
-- rows: 0 or 1
-- locks: the flag, the audit chain, then flag_version, until the end of the transaction
-- index: flags_open
-- not null: audit_id
WITH lifted AS (
  UPDATE flags SET lifted_at = now(), lifted_by = $1::text
   WHERE kind = 'stop' AND scope = 'global' AND target = '' AND set_by = 'restore' AND lifted_at IS NULL
  RETURNING *
)
SELECT l.id, append_audit('installation', $1::text, 'stop.lifted', 'global', '', jsonb_build_object('flag', l.id, 'reason', 'recovered')) AS audit_id
  FROM lifted l
