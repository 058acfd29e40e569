-- Ends the budgets that quotes have made for bulks which are finished, once nothing is held under them. Corrections that come later
-- still find their windows.
--
-- $1 rows_max integer
-- rows: one per budget that ended now
-- locks: those budget rows; rows locked by others are skipped
-- index: budgets_open, quotes_bulk_id_key, bulks_pkey, budget_windows_budget_id_starts_at_key, hold_parts_open
UPDATE budgets b SET ended_at = now(), updated_at = now()
 WHERE b.ended_at IS NULL
   AND b.id IN (
     SELECT o.id FROM budgets o JOIN quotes q ON q.bulk_id = o.target AND q.tenant_id = o.tenant_id JOIN bulks k ON k.id = q.bulk_id
      WHERE o.scope = 'bulk' AND o.window_kind = 'total' AND o.ended_at IS NULL AND k.finished_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM budget_windows w JOIN hold_parts p ON p.window_id = w.id AND p.remaining_nano > 0 WHERE w.budget_id = o.id)
      LIMIT $1::integer FOR UPDATE OF o SKIP LOCKED)
RETURNING b.id
