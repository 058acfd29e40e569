-- Stops a credential whose key, credit or spend limit the provider refuses. The first reason stays; the time moves, so that
-- the next probe is counted from the last refusal.
--
-- $1 id text  $2 stop_reason text
-- rows: none
-- locks: credentials
-- index: credentials_pkey
UPDATE credentials SET stopped_at = now(), stop_reason = coalesce(stop_reason, $2) WHERE id = $1
