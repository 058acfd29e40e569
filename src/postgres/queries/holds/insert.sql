-- Writes holds and their parts, one part for each window the money is reserved in.
--
-- $1 id text[]  $2 tenant_id text[]  $3 owner_kind text[]  $4 owner_id text[]  $5 reason text[]  $6 amount_nano bigint[]
-- $7 expires_at timestamptz[]  $8 part_hold_id text[]  $9 part_window_id bigint[]  $10 part_nano bigint[]
-- rows: none
-- locks: none beyond the new rows (a shared lock on the windows by the foreign key)
-- index: holds_pkey
WITH new_holds AS (
  INSERT INTO holds (id, tenant_id, owner_kind, owner_id, reason, amount_nano, remaining_nano, expires_at)
  SELECT h.id, h.tenant_id, h.owner_kind, h.owner_id, h.reason, h.nano, h.nano, h.expires_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
      AS h(id, tenant_id, owner_kind, owner_id, reason, nano, expires_at)
)
INSERT INTO hold_parts (hold_id, window_id, amount_nano, remaining_nano)
SELECT p.hold_id, p.window_id, p.nano, p.nano
  FROM unnest($8::text[], $9::bigint[], $10::bigint[]) AS p(hold_id, window_id, nano)
