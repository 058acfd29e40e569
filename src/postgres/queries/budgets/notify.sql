-- Tells the lanes that a budget of a queue has changed: work that waits for it is looked at again. Sent with the commit.
--
-- $1 queue_id text
-- rows: 1
-- locks: none
-- index: none
SELECT pg_notify('sluice_budget', $1::text)
