-- Stops everything because of a restore, unless a global stop is open already; that one cannot be lifted either while the marker stands.
--
-- $1 id text  $2 reason text
-- rows: 0 or 1; none if one was open
-- locks: the audit chain, then flag_version, until the end of the transaction
-- index: flags_open
-- not null: audit_id
WITH opened AS (
  INSERT INTO flags (id, tenant_id, kind, scope, target, mode, reason, set_by)
  VALUES ($1::text, 'installation', 'stop', 'global', '', 'abort', $2::text, 'restore')
  ON CONFLICT (kind, scope, target) WHERE lifted_at IS NULL DO NOTHING
  RETURNING *
)
SELECT o.id, append_audit('installation', 'restore', 'stop.set', 'global', '', jsonb_build_object('flag', o.id, 'reason', o.reason)) AS audit_id
  FROM opened o
