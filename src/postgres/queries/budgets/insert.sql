-- Creates a budget, unless an open one of the same scope, target, manager and kind of window is there. Its windows are opened by the
-- first hold.
--
-- $1 id text  $2 tenant_id text  $3 scope text  $4 target text  $5 owner text  $6 limit_nano bigint  $7 window_kind text
-- $8 time_zone text  $9 when_bound text
-- rows: 1 if created, 0 if there is one already
-- locks: none
-- index: budgets_open
INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind, time_zone, when_bound)
VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::bigint, $7::text, $8::text, $9::text)
ON CONFLICT (scope, target, tenant_id, window_kind) WHERE ended_at IS NULL DO NOTHING
RETURNING id
