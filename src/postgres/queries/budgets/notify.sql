-- Tells the lanes that a budget has changed: work that waits for it is looked at again. Sent with the commit.
--
-- $1 about text (the queue's id, or the budget's)
-- rows: 1
-- locks: none
-- index: none
SELECT pg_notify('sluice_budget', $1::text)
