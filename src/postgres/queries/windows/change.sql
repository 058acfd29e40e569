-- Changes windows by the net of a transaction: money newly held less money released, and what was spent. Run last in its
-- transaction: these are the rows everybody wants. The trigger guard_ceiling refuses what would pass the limit; the decision was
-- made by domain/hold.ts, this is the wall behind it.
--
-- $1 window_id bigint[]  $2 held_nano bigint[] (may be negative)  $3 spent_nano bigint[] (a correction may be negative)
-- $4 overrun_nano bigint[]
-- rows: none
-- locks: budget_windows in id order
-- index: budget_windows_pkey
WITH change AS MATERIALIZED (
  SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS c(window_id, held_nano, spent_nano, overrun_nano)
), locked AS MATERIALIZED (
  SELECT id FROM budget_windows WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE
)
UPDATE budget_windows w
   SET held_nano = w.held_nano + c.held_nano,
       spent_nano = greatest(w.spent_nano + c.spent_nano, 0),
       overrun_nano = w.overrun_nano + c.overrun_nano
  FROM change c JOIN locked l ON l.id = c.window_id
 WHERE w.id = c.window_id
