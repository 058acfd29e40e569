-- Revokes a key. A key that is revoked already keeps its first time and name: the answer is the same.
--
-- $1 id text  $2 tenant_id text | null (null: of any tenant)  $3 revoked_by text
-- rows: 0 (no such key here) or 1; `now` says whether this statement did it
-- locks: the key's row
-- index: api_keys_pkey
-- not null: now
WITH prior AS (
  SELECT id, revoked_at FROM api_keys WHERE id = $1::text AND ($2::text IS NULL OR tenant_id = $2::text) FOR UPDATE
)
UPDATE api_keys k
   SET revoked_at = coalesce(k.revoked_at, now()), revoked_by = coalesce(k.revoked_by, $3::text)
  FROM prior p
 WHERE k.id = p.id
RETURNING k.tenant_id, p.revoked_at IS NULL AS now
