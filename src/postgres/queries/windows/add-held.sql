-- Adds newly held money to windows that are locked already. The trigger guard_ceiling refuses what does not fit: the decision
-- was made by domain/hold.ts, this is the wall behind it.
--
-- $1 window_id bigint[]  $2 held_nano bigint[]
-- rows: none
-- locks: budget_windows (held by the caller's transaction already)
-- index: budget_windows_pkey
UPDATE budget_windows w SET held_nano = w.held_nano + h.nano
  FROM (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS h(window_id, nano)) h
 WHERE w.id = h.window_id
