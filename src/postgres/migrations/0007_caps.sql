-- 0007 · Caps of requests and bulks, paused answers that are continued, and the fees of server tools in the bound.
--
-- Why turns are rows: a continued request is its own with the turns so far behind it, and must render to the same bytes in any
-- process, whatever has died since. From the moment a turn is stored, the size, hash and bound on the job's row are those of the
-- request that carries it. Locks bulks and jobs for the catalogue only: constant defaults rewrite nothing.

-- The caps in force for a bulk, by their names in the API, and what its totals leave beyond the reserved first attempts (NULL: no such
-- cap). The checks are the walls behind the rule of domain/caps.ts.
ALTER TABLE bulks
  ADD COLUMN caps          jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN attempts_left bigint CHECK (attempts_left >= 0),
  ADD COLUMN tokens_left   bigint CHECK (tokens_left >= 0);

ALTER TABLE jobs
  -- What each attempt may be charged for beside its tokens: part of its bound.
  ADD COLUMN web_searches_max integer NOT NULL DEFAULT 0 CHECK (web_searches_max >= 0),
  ADD COLUMN continuations    smallint NOT NULL DEFAULT 0 CHECK (continuations >= 0),
  -- Of the paid attempts that others followed; the last one's are in its usage.
  ADD COLUMN tokens_used      bigint NOT NULL DEFAULT 0 CHECK (tokens_used >= 0),
  -- What of its bulk's tokens is kept for it; NULL: the bound of its first attempt.
  ADD COLUMN tokens_reserved  bigint CHECK (tokens_reserved >= 0);

-- What the model had said when it paused, as the message to send back: JSON text, because jsonb cannot hold an escaped NUL.
CREATE TABLE job_turns (
  job_id     text NOT NULL,
  attempt_no smallint NOT NULL,
  tenant_id  text NOT NULL,
  turn       text NOT NULL,
  PRIMARY KEY (job_id, attempt_no)
);

-- What a job has to show that ended without an answer of its own: everything the model had said when it last paused, paid for turn by
-- turn. Read where results are read and stored nowhere, so it does not matter which way a job ended: by a failure, a sweep, a cancel.
-- Cut out of the text of the turns, which always begins and ends alike (lanes/continuation.ts): no JSON function takes an escaped NUL. The
-- form is that of a plain answer (domain/answer.ts).
CREATE FUNCTION output_of_turns(p_job_id text, p_state text, p_continuations smallint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p_continuations > 0 AND p_state IN ('failed', 'expired', 'canceled') THEN
    (SELECT '{"content":[' || string_agg(substr(t.turn, length(h.head) + 1, length(t.turn) - length(h.head) - 2), ',' ORDER BY t.attempt_no)
         || '],"stop_reason":"pause_turn"}'
       FROM job_turns t CROSS JOIN (VALUES ('{"role":"assistant","content":[')) AS h(head)
      WHERE t.job_id = p_job_id) END
$$;
