-- Says that these queues have work again.
--
-- $1 queue_id text[]
-- rows: many
-- locks: none
-- index: none
SELECT pg_notify('sluice_work', q.id)::text AS told FROM unnest($1::text[]) AS q(id)
