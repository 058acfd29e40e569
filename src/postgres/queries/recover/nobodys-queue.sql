-- The tenant and queue under which spend is booked that nobody can be named for. Nobody has a key of this tenant.
--
-- rows: none
-- locks: none beyond the new rows
-- index: tenants_pkey, queues_pkey
WITH home AS (
  INSERT INTO tenants (id, name) VALUES ('recovered', 'recovered') ON CONFLICT DO NOTHING
)
INSERT INTO queues (id, tenant_id, name, owner) VALUES ('recovered', 'recovered', 'recovered', 'operator') ON CONFLICT DO NOTHING
