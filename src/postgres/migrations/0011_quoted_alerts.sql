-- 0011 · A budget that a quote has made is the worst case of its bulk, so the first holds may fill it whole: that is what was quoted, and
-- no news. It is told of when work finds no room under it.
--
-- Locks nothing.
CREATE OR REPLACE FUNCTION window_alerts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_was integer := spent_step(OLD.spent_nano, OLD.limit_nano);
  v_is integer := spent_step(NEW.spent_nano, NEW.limit_nano);
BEGIN
  INSERT INTO alerts (dedupe_key, kind, tenant_id, scope, target, owner, percent, limit_nano, spent_nano, held_nano, window_starts_at, window_ends_at)
  SELECT format('window:%s:%s', NEW.id, crossed.name), crossed.kind, b.tenant_id, b.scope, b.target, b.owner, crossed.percent,
         NEW.limit_nano, NEW.spent_nano, NEW.held_nano, NEW.starts_at, NEW.ends_at
    FROM budgets b
    CROSS JOIN LATERAL (
      SELECT 'spent_' || step AS name, 'budget_spent' AS kind, step AS percent FROM unnest(ARRAY[50, 80, 95, 100]) AS step WHERE step > v_was AND step <= v_is
      UNION ALL
      SELECT 'committed', 'budget_committed', NULL
       WHERE (NEW.limit_nano > 0 AND NEW.spent_nano + NEW.held_nano >= NEW.limit_nano AND OLD.spent_nano + OLD.held_nano < OLD.limit_nano
              AND NOT (b.scope = 'bulk' AND EXISTS (SELECT 1 FROM quotes q WHERE q.bulk_id = b.target AND q.tenant_id = b.tenant_id)))
          OR (OLD.bound_at IS NULL AND NEW.bound_at IS NOT NULL)
    ) crossed
   WHERE b.id = NEW.budget_id
   ORDER BY crossed.percent
  ON CONFLICT (dedupe_key) DO NOTHING;
  RETURN NULL;
END $$;
