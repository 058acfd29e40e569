-- Lets a sequence go on behind a number.
--
-- $1 name text  $2 last_value bigint
-- rows: 1
-- locks: none
-- index: none
-- not null: at
SELECT setval(format('%I.%I', current_schema(), $1::text)::regclass, $2::bigint) AS at
