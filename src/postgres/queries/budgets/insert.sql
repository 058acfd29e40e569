-- Creates a queue's budget. Its windows are opened by the first hold.
--
-- $1 id text  $2 tenant_id text  $3 queue_id text  $4 owner text  $5 limit_nano bigint  $6 window_kind text  $7 time_zone text
-- rows: none
-- locks: none
-- index: budgets_open
INSERT INTO budgets (id, tenant_id, scope, target, owner, limit_nano, window_kind, time_zone)
VALUES ($1::text, $2::text, 'queue', $3::text, $4::text, $5::bigint, $6::text, $7::text)
