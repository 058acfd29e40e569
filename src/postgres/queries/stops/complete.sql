-- Writes down that a stop is complete, if it is: every process is confirmed, no call in its scope is in flight at one that lives, no
-- creation of a message batch with lines in its scope waits for its answer (one whose lease has ended is in doubt, and listed as
-- that), and, where it cancels, the provider has been asked for every batch of it that is to be canceled, whoever wanted that first, that has an
-- id and is surely ours.
--
-- $1 stop_id text
-- rows: 0 or 1; none if it is not complete yet, or was before
-- locks: the stop's row
-- index: stops_pkey, flags_pkey, attempts_in_flight, message_batches_due, message_batches_to_cancel, attempts_in_batch, bulks_pkey
UPDATE stops s SET completed_at = clock_timestamp()
  FROM flags f
 WHERE s.id = $1::text AND f.id = s.id AND s.completed_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM processes p WHERE p.ended_at IS NULL AND stop_state(p, s.flag_version) = 'unconfirmed')
   AND NOT EXISTS (SELECT 1 FROM attempts a JOIN bulks k ON k.id = a.bulk_id JOIN processes p ON p.id = a.process_id
                    WHERE a.state = 'open' AND a.lane = 'realtime' AND NOT is_gone(p)
                      AND in_scope(f.scope, f.target, a.tenant_id, k.queue_id, a.job_type, a.model, a.bulk_id))
   AND NOT EXISTS (SELECT 1 FROM message_batches b
                    WHERE b.state = 'creating' AND b.lease_until > clock_timestamp()
                      AND (f.scope = 'global' OR EXISTS (SELECT 1 FROM attempts a JOIN bulks k ON k.id = a.bulk_id
                             WHERE a.message_batch_id = b.id AND a.state = 'open' AND a.lane = 'batch'
                               AND in_scope(f.scope, f.target, a.tenant_id, k.queue_id, a.job_type, a.model, a.bulk_id))))
   AND NOT EXISTS (SELECT 1 FROM message_batches b
                    WHERE f.mode = 'abort_and_cancel' AND b.cancel_requested_at IS NOT NULL AND b.state = 'created' AND b.cancel_sent_at IS NULL
                      AND NOT b.unproved
                      AND (f.scope = 'global' OR EXISTS (SELECT 1 FROM attempts a JOIN bulks k ON k.id = a.bulk_id
                             WHERE a.message_batch_id = b.id AND a.state = 'open' AND a.lane = 'batch'
                               AND in_scope(f.scope, f.target, a.tenant_id, k.queue_id, a.job_type, a.model, a.bulk_id))))
RETURNING s.id
