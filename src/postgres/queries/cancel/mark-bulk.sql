-- Writes down that a bulk is to be canceled, with the audit event; its jobs follow in chunks. From here on a crash only delays
-- them: upkeep goes on with every bulk that is marked and unfinished.
--
-- $1 bulk_id text  $2 tenant_id text | null (any)  $3 actor text  $4 reason text | null
-- rows: 0 or 1
-- locks: the bulk, then the audit chain
-- index: bulks_pkey
-- not null: marked
WITH prior AS MATERIALIZED (
  SELECT id, tenant_id, finished_at FROM bulks
   WHERE id = $1::text AND deleted_at IS NULL AND ($2::text IS NULL OR tenant_id = $2::text) FOR UPDATE
), marked AS (
  UPDATE bulks b SET canceled_at = now(), canceled_by = $3::text
    FROM prior p
   WHERE b.id = p.id AND b.canceled_at IS NULL AND b.finished_at IS NULL
  RETURNING b.id
)
SELECT p.finished_at, m.id IS NOT NULL AS marked,
       CASE WHEN m.id IS NOT NULL THEN
         append_audit(p.tenant_id, $3::text, 'bulk.cancel', 'bulk', p.id, jsonb_build_object('reason', $4::text)) END AS audit_id
  FROM prior p LEFT JOIN marked m ON m.id = p.id
