-- The message batches that a stop concerns: those it has asked to be canceled, and those with lines in its scope that are at the
-- provider or may be, void ones included while their money is held. With the lines in scope
-- and the most that they can cost: what others have in the same batch is theirs.
-- Where a batch belongs to the scope as a whole the rest of its hold is that sum, and no line is read. Of a void batch the lines are not
-- read either: it counts whole for the installation's stops, and for a bulk's only where it is the same tenant's.
--
-- $1 stop_id text  $2 scope text  $3 target text  $4 rows_max integer
-- rows: at most $4, the newest first
-- locks: none
-- index: message_batches_due, message_batches_of_stop, message_batches_pkey, holds_open, holds_pkey, attempts_in_batch, bulks_pkey
-- not null: asked_by_this, worst_nano, lines
WITH concerned AS MATERIALIZED (
  SELECT id FROM message_batches WHERE state NOT IN ('ingested', 'refused', 'void')
   UNION
  SELECT id FROM message_batches WHERE stop_id = $1::text
   UNION
  SELECT b.id FROM holds h JOIN message_batches b ON b.id = h.owner_id
   WHERE h.state = 'open' AND h.owner_kind = 'message_batch' AND b.state = 'void'
)
SELECT b.id, b.state, b.provider_id, CASE WHEN w.whole OR b.stop_id = $1::text THEN b.line_count ELSE own.lines END AS lines,
       b.processing_status, b.cancel_requested_at, b.cancel_sent_at, b.ended_at, b.unproved,
       coalesce(b.stop_id = $1::text, false) AS asked_by_this,
       coalesce(CASE WHEN NOT w.whole THEN own.nano WHEN h.state = 'open' THEN h.remaining_nano END, 0)::bigint AS worst_nano
  FROM concerned c JOIN message_batches b ON b.id = c.id JOIN holds h ON h.id = b.hold_id
 CROSS JOIN LATERAL (
   SELECT $2::text = 'global' OR ($2::text = 'queue' AND b.queue_id = $3::text) OR ($2::text = 'tenant' AND b.tenant_id = $3::text)
          OR (b.state = 'void' AND $2::text IN ('job_type', 'model'))
          OR (b.state = 'void' AND $2::text = 'bulk' AND b.tenant_id = (SELECT tenant_id FROM bulks WHERE id = $3::text)) AS whole
 ) w
 CROSS JOIN LATERAL (
   SELECT sum(a.worst_nano) AS nano, count(*)::integer AS lines FROM attempts a JOIN bulks k ON k.id = a.bulk_id
    WHERE NOT w.whole AND $2::text <> 'queue' AND b.state <> 'void'
      AND a.message_batch_id = b.id AND a.state = 'open' AND a.lane = 'batch'
      AND in_scope($2::text, $3::text, a.tenant_id, k.queue_id, a.job_type, a.model, a.bulk_id)
 ) own
 WHERE w.whole OR own.nano IS NOT NULL OR b.stop_id = $1::text
 ORDER BY b.id DESC
 LIMIT $4::integer
