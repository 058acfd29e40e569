-- Confirms a bulk that waits for a second person, with its audit event and word to the lanes.
--
-- $1 bulk_id text  $2 tenant_id text  $3 actor text  $4 reason text | null
-- rows: 0 or 1; none if it does not wait, or was submitted by the same person
-- locks: the bulk's row, then the audit chain, until the end of the statement
-- index: bulks_pkey
-- not null: id
WITH approved AS (
  UPDATE bulks SET approval = 'approved', approved_by = $3::text, approved_at = now()
   WHERE id = $1::text AND tenant_id = $2::text AND approval = 'waiting' AND created_by <> $3::text AND canceled_at IS NULL AND finished_at IS NULL
  RETURNING id, tenant_id, queue_id, worst_nano
)
SELECT a.id, append_audit(a.tenant_id, $3::text, 'bulk.approved', 'bulk', a.id, jsonb_build_object('worst_nano', a.worst_nano::text, 'reason', $4::text)) AS audit_id,
       pg_notify('sluice_work', a.queue_id) AS told
  FROM approved a
