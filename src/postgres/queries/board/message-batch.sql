-- One message batch: its state here, its counts at the provider, its times.
--
-- $1 id text
-- rows: 0 or 1
-- locks: none
-- index: message_batches_pkey
SELECT m.id, t.name AS tenant_name, q.name AS queue_name, m.state, m.provider_id, m.processing_status, m.line_count, m.body_bytes,
       m.count_processing, m.count_succeeded, m.count_errored, m.count_canceled, m.count_expired, m.ingested_lines, m.paid_twice,
       m.error_code, m.created_at, m.doubtful_since, m.cancel_requested_at, m.next_poll_at, m.provider_expires_at, m.ended_at, m.ingested_at
  FROM message_batches m JOIN tenants t ON t.id = m.tenant_id JOIN queues q ON q.id = m.queue_id
 WHERE m.id = $1::text
