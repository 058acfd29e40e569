-- Releases what is left of the money of void message batches when no bill for them can come any more; those that were found
-- after all and harvested included.
--
-- $1 now timestamptz  $2 rows_max integer
-- rows: one per hold released
-- locks: holds, then budget_windows in id order
-- index: holds_open, hold_parts_pkey, budget_windows_pkey
WITH due AS MATERIALIZED (
  SELECT h.id FROM holds h
   WHERE h.state = 'open' AND h.expires_at <= $1 AND h.owner_kind = 'message_batch'
     AND EXISTS (SELECT 1 FROM message_batches b WHERE b.hold_id = h.id AND b.state IN ('void', 'ingested'))
   ORDER BY h.expires_at LIMIT $2::integer FOR UPDATE OF h SKIP LOCKED
), parts AS MATERIALIZED (
  SELECT p.hold_id, p.window_id, p.remaining_nano FROM hold_parts p JOIN due d ON d.id = p.hold_id
), locked AS MATERIALIZED (
  SELECT w.id FROM budget_windows w WHERE w.id IN (SELECT window_id FROM parts) ORDER BY w.id FOR UPDATE
), freed AS (
  UPDATE budget_windows w SET held_nano = w.held_nano - s.nano
    FROM (SELECT p.window_id, sum(p.remaining_nano)::bigint AS nano FROM parts p JOIN locked l ON l.id = p.window_id GROUP BY p.window_id) s
   WHERE w.id = s.window_id
), freed_parts AS (
  UPDATE hold_parts hp SET remaining_nano = 0 FROM parts p WHERE hp.hold_id = p.hold_id AND hp.window_id = p.window_id
)
UPDATE holds h SET state = 'released', remaining_nano = 0, closed_at = $1 FROM due d WHERE h.id = d.id
RETURNING h.id
