-- Opens a pause with its audit event. A pause of this scope and target that is already open stays as it is, but for one of a guard (the
-- breaker, an overrun) over anybody else's: that needs a person to lift it, whoever had paused before.
--
-- $1 id text  $2 tenant_id text  $3 scope text  $4 target text  $5 reason text  $6 actor text
-- rows: 0 or 1; none if such a pause was open already and stays as it is
-- locks: the open pause, the audit chain, then flag_version, until the end of the statement
-- index: flags_open
-- not null: audit_id
WITH opened AS (
  INSERT INTO flags (id, tenant_id, kind, scope, target, reason, set_by)
  VALUES ($1::text, $2::text, 'pause', $3::text, $4::text, $5::text, $6::text)
  ON CONFLICT (kind, scope, target) WHERE lifted_at IS NULL DO UPDATE SET set_by = excluded.set_by, reason = excluded.reason
   WHERE excluded.set_by IN ('breaker', 'overrun') AND flags.set_by NOT IN ('breaker', 'overrun')
  RETURNING *
)
SELECT o.id, o.tenant_id, o.kind, o.scope, o.target, o.mode, o.reason, o.set_by, o.set_at,
       append_audit(o.tenant_id, o.set_by, 'pause.set', o.scope, o.target, jsonb_build_object('flag', o.id, 'reason', o.reason)) AS audit_id
  FROM opened o
