-- Whether any budget turns new submissions away when it has no room: asked now and then, so that nobody else is looked up for nothing.
--
-- rows: 1
-- locks: none
-- index: budgets_open
-- not null: found
SELECT EXISTS (SELECT 1 FROM budgets WHERE ended_at IS NULL AND when_bound = 'reject') AS found
