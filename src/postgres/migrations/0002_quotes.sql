-- 0002 · Quotes, and bulks that wait for a second person.
--
-- Why: a bulk is the largest single decision to spend. Its worst case is known when it is accepted and stands on its row; where the
-- queue asks for it, nothing of the bulk starts before another person has confirmed. A quote is the same figure before the bulk
-- exists, kept for an hour with the hash of what was quoted. Locks bulks for the time of adding columns (no rewrite).

ALTER TABLE bulks
  ADD COLUMN worst_nano  bigint NOT NULL DEFAULT 0 CHECK (worst_nano >= 0),
  ADD COLUMN approval    text CHECK (approval IN ('waiting', 'approved')),
  ADD COLUMN approved_by text,
  ADD COLUMN approved_at timestamptz,
  ADD CONSTRAINT bulks_approved CHECK ((approval IS NOT DISTINCT FROM 'approved') = (approved_at IS NOT NULL)
    AND (approved_at IS NULL) = (approved_by IS NULL)),
  -- The wall behind the rule: nobody confirms what they submitted.
  ADD CONSTRAINT bulks_approved_by_another CHECK (approved_by IS NULL OR approved_by <> created_by);

CREATE TABLE quotes (
  id             text PRIMARY KEY,
  tenant_id      text NOT NULL REFERENCES tenants,
  queue_id       text NOT NULL REFERENCES queues,
  job_type       text NOT NULL,
  -- Of the body and of how it is to be treated: what the bulk must equal.
  request_sha256 bytea NOT NULL CHECK (length(request_sha256) = 32),
  worst_nano     bigint NOT NULL CHECK (worst_nano >= 0),
  created_by     text NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz NOT NULL,
  -- A quote is good for one bulk.
  bulk_id        text UNIQUE REFERENCES bulks
);
CREATE INDEX quotes_expiry ON quotes (expires_at);
