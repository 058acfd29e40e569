-- Ends the leases of a backup: whoever held them works elsewhere, or not at all. The reaper then settles what they had in flight.
--
-- rows: none
-- locks: the rows changed
-- index: processes_alive, leases_pkey
WITH ended AS (
  UPDATE processes SET lease_until = now() WHERE ended_at IS NULL AND reaped_at IS NULL AND lease_until > now()
), freed AS (
  UPDATE leases SET expires_at = now() WHERE expires_at > now()
)
UPDATE message_batches SET lease_until = NULL WHERE lease_until > now()
