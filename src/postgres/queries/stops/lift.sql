-- Lifts a stop, with its audit event. A pause or another stop over the same work stays in force.
--
-- $1 id text  $2 tenant_id text | null (any)  $3 actor text  $4 reason text
-- rows: 0 or 1; none if there is no such stop of this tenant, or it was lifted before
-- locks: the flag, the audit chain, then flag_version, until the end of the statement
-- index: flags_pkey
-- not null: audit_id
WITH lifted AS (
  UPDATE flags SET lifted_at = now(), lifted_by = $3::text
   WHERE id = $1::text AND kind = 'stop' AND lifted_at IS NULL AND ($2::text IS NULL OR tenant_id = $2::text)
  RETURNING *
)
SELECT l.id, l.scope, l.target,
       append_audit(l.tenant_id, $3::text, 'stop.lifted', l.scope, l.target, jsonb_build_object('flag', l.id, 'reason', $4::text)) AS audit_id
  FROM lifted l
