-- 0003 · Budgets for every scope: who manages one, what it is for, and which work may wait for a cheaper lane.
--
-- The tenant of a budget is whoever manages it, so the installation and a tenant may each have a ceiling on the same target, and both
-- bind. A budget of a job type or a label binds its own tenant's work, or everybody's where the installation manages it. Label targets
-- are written `name:value`; a name holds no colon. Locks: budgets for a moment (a handful of rows), jobs for the catalogue only (a
-- constant default rewrites nothing).

DROP INDEX budgets_open;
CREATE UNIQUE INDEX budgets_open ON budgets (scope, target, tenant_id, window_kind) WHERE ended_at IS NULL;
ALTER TABLE budgets ADD CONSTRAINT budgets_label_target CHECK (scope <> 'label' OR strpos(target, ':') > 1);

-- Whether a realtime job may be moved to the batch lane where a ceiling binds: a message batch can carry it, and neither its own line
-- nor its being submitted alone said that it is to run now. Jobs from before this migration may not.
ALTER TABLE jobs ADD COLUMN may_wait boolean NOT NULL DEFAULT false;
ALTER TABLE jobs ADD COLUMN downgraded_at timestamptz;
