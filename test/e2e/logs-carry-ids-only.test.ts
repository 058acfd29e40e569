// Logs carry ids only: what callers send and models answer stands in inputs and results, and nowhere else. 2,109 sentences with
// labelled personal data go through every job type in both lanes, at log level debug, with all that makes programs talk: errors of
// the provider that quote the prompt, answers that do not fit, uploads that are refused, statements that fail with the row in
// their message. Then every place is searched that an operator, a dashboard or another caller can see.
//
// What counts as found: six words of a sentence in a row, or a labelled value of at least six characters. A value is left out when
// it says nothing: when it is written in our own sources (a word of ours would be found everywhere), or has no letter and fewer
// than eight digits (it would agree with a count or a port).

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { createFinder, runsOf } from "../support/leaks.ts";
import { judge } from "../support/referee.ts";
import { sharedText } from "../support/shared-data.ts";
import { openFleet, waitForRest } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";

vi.setConfig({ testTimeout: 400_000, hookTimeout: 120_000 });

const labelled = z.object({
  text: z.string(),
  spans: z.array(z.object({ start: z.int(), end: z.int() })),
});
const rows = (sharedText("pii-sentences-labelled.ndjson") ?? "")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => labelled.parse(JSON.parse(line)));
const sentences = rows.map(({ text }) => text);

/** What must not be found, by the rule above. */
function phrasesToFind(): string[] {
  const values = rows.flatMap(({ text, spans }) => spans.map(({ start, end }) => text.slice(start, end)));
  const telling = values.filter(
    (value) => value.length >= 6 && (/\p{L}/u.test(value) || value.replaceAll(/\D/g, "").length >= 8),
  );
  const ours = new Set(createFinder(telling)(ourSources()));
  return [...runsOf(sentences), ...telling.filter((value) => !ours.has(value))];
}

function ourSources(): string {
  const root = join(import.meta.dirname, "../..");
  return ["src", "jobs", "docs"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) =>
        join(root, folder, name),
      ),
    )
    .filter((file) => /\.(ts|md|sql)$/.test(file))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
}

const inputs: Record<string, (text: string) => unknown> = {
  "classify-intent": (text) => ({
    text,
    labels: ["complaint", "request", "news"],
    instructions: "News is no request.",
  }),
  "extract-contact": (text) => ({ text }),
  message: (text) => ({
    model: "claude-haiku-5-5",
    max_tokens: 300,
    messages: [{ role: "user", content: text }],
  }),
};

/** Sentences that stand in a request's JSON as they are, so that a fault can be told by them. */
const plain = sentences.filter((text) => /^[A-Za-z0-9 ,.'-]{40,200}$/.test(text)).slice(0, 40);
const quote = (text: string): string => `messages.0.content: "${text}" is not allowed`;

/** Calls with these sentences end badly, and the provider says why in the words of the prompt. */
function addTalkativeFaults({ simulator }: Fleet): void {
  const path = "/v1/messages";
  for (const [n, text] of plain.entries()) {
    const contains = text;
    const refused = { status: 400, message: quote(text) };
    const broken = { status: 500, message: quote(text) };
    if (n % 5 === 0) {
      simulator.addFault({ action: "error", match: { path, contains }, params: refused, times: null });
      simulator.addFault({ action: "errored", match: { contains }, params: refused, times: null });
    } else if (n % 5 === 1) {
      simulator.addFault({ action: "error", match: { path, contains }, params: broken });
      simulator.addFault({ action: "errored", match: { contains }, params: broken });
    } else {
      const action = ["refusal", "truncate", "broken_json"][(n % 5) - 2] ?? "refusal";
      simulator.addFault({ action, match: { contains }, times: null });
    }
  }
  const create = { path: "/v1/messages/batches", method: "POST" };
  simulator.addFault({
    action: "error",
    match: create,
    params: { status: 529, message: quote(plain[0] ?? "") },
  });
  simulator.addFault({ action: "cut_mid_line", match: { path: "/v1/messages/batches/{id}/results" } });
}

/** Uploads that cannot be accepted, each with a sentence where it hurts. */
async function sendBadUploads({ caller }: Fleet): Promise<string[]> {
  const [text = "", other = ""] = plain;
  const line = (value: unknown): string => JSON.stringify(value);
  const good = { input: { text, labels: ["a", "b"] } };
  const lines = [
    `{"input":{"text":"${text}"`,
    line({ input: { text: { text: other } } }),
    line({ input: { ...good.input, [text]: other } }),
    line({ ...good, [text]: other }),
    line({ ...good, deadline: text }),
    line({ ...good, urgency: text }),
    line({ ...good, key: `${text}\0` }),
    line({ ...good, labels: { [`${text}:`]: "x" } }),
    line({ input: { text, labels: [text, text] } }),
    line(text),
  ];
  const ndjson = { "content-type": "application/x-ndjson" };
  const json = { "content-type": "application/json" };
  const type = "/v1/bulks?type=classify-intent";
  const broken = line({ jobs: [good] }).slice(0, -3);
  const requests: [path: string, headers: Record<string, string>, body: string][] = [
    [type, ndjson, lines.join("\n")],
    ...lines.map((one): [string, Record<string, string>, string] => [type, ndjson, one]),
    [type, json, broken],
    [type, json, line({ jobs: [good], [text]: 1 })],
    ["/v1/jobs", json, line({ type: "classify-intent", ...good, [text]: 1 })],
    [
      "/v1/jobs",
      json,
      line({
        type: "message",
        input: { model: text, max_tokens: 1, messages: [{ role: text, content: other }] },
      }),
    ],
    [`/v1/bulks?type=message&label=${encodeURIComponent(text)}`, ndjson, line(good)],
    [`/v1/bulks?type=message&${encodeURIComponent(text)}=1`, ndjson, line(good)],
  ];
  return Promise.all(
    requests.map(async ([path, headers, body]) => {
      const response = await caller.send(path, { method: "POST", headers, body });
      const answer = await response.text();
      expect(response.status, answer).toBeGreaterThanOrEqual(400);
      return answer;
    }),
  );
}

/** PostgreSQL refuses rows and quotes them: an upload fails, and the first results of each lane are written at the second try. */
async function sendRefusedRows({ caller, db }: Fleet): Promise<string> {
  await db.query(
    `CREATE SEQUENCE refusals;
     CREATE FUNCTION refuse_input() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cannot keep %', NEW.input; END $$;
     CREATE FUNCTION refuse_result() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF nextval('refusals') <= 4 THEN RAISE EXCEPTION 'cannot keep % of %', NEW.output, (SELECT input FROM job_inputs WHERE job_id = NEW.job_id); END IF;
       RETURN NEW; END $$;
     CREATE TRIGGER refuse_result BEFORE INSERT ON job_results FOR EACH ROW EXECUTE FUNCTION refuse_result();
     CREATE TRIGGER refuse_input BEFORE INSERT ON job_inputs FOR EACH ROW EXECUTE FUNCTION refuse_input();`,
  );
  const body = JSON.stringify({ type: "extract-contact", input: { text: plain[0] } });
  const headers = { "content-type": "application/json" };
  const response = await caller.send("/v1/jobs", { method: "POST", headers, body });
  expect(response.status).toBeGreaterThanOrEqual(500);
  await db.query("DROP TRIGGER refuse_input ON job_inputs");
  return response.text();
}

/** Every table but those that are there for content, and of these the columns that are not. */
async function readTables({ db }: Fleet): Promise<string> {
  const tables = await db.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('job_inputs', 'job_results', 'bulks')",
  );
  const sources = [
    ...tables.rows.map(({ name }) => `SELECT t::text AS row FROM "${name}" t`),
    "SELECT concat_ws(' ', abstained, decided_by, reason) AS row FROM job_results",
    "SELECT to_jsonb(b) - 'shared' || '{}' AS row FROM bulks b",
  ];
  const texts: string[] = [];
  for (const source of sources) {
    // oxlint-disable-next-line no-await-in-loop -- one connection
    const found = await db.query<{ text: string | null }>(
      `SELECT string_agg(row::text, E'\\n') AS text FROM (${source}) s`,
    );
    texts.push(found.rows[0]?.text ?? "");
  }
  return texts.join("\n");
}

/** Every key of the queue's prefix with all that it holds. */
async function readQueue({ config }: Fleet): Promise<string> {
  const redis = new Redis(config.redisUrl ?? "", { maxRetriesPerRequest: 1 });
  const read: Record<string, (key: string) => Promise<unknown>> = {
    string: (key) => redis.get(key),
    hash: (key) => redis.hgetall(key),
    list: (key) => redis.lrange(key, 0, -1),
    set: (key) => redis.smembers(key),
    zset: (key) => redis.zrange(key, "0", "-1"),
    stream: (key) => redis.xrange(key, "-", "+"),
  };
  try {
    const keys = await redis.keys(`${config.queuePrefix}:*`);
    const values = await Promise.all(
      keys.map(async (key) => {
        const kind = await redis.type(key);
        return JSON.stringify([key, await read[kind]?.(key)]);
      }),
    );
    return values.join("\n");
  } finally {
    redis.disconnect();
  }
}

describe.runIf(rows.length > 0)("what callers send and models answer is in inputs and results only", () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await openFleet({
      settings: {
        SLUICE_LOG_LEVEL: "debug",
        SLUICE_CONCURRENCY: "50",
        SLUICE_ATTEMPTS_MAX: "2",
        SLUICE_DISPATCH_LEASE_MS: "30000",
      },
    });
    await Promise.all([fleet.join("dispatcher,worker"), fleet.join("batcher")]);
  });
  afterAll(() => fleet.close());

  test("nowhere else: logs, errors, entries of the queue, rows, metrics", async () => {
    expect(rows).toHaveLength(2_109);
    const answers = await sendBadUploads(fleet);
    answers.push(await sendRefusedRows(fleet));
    addTalkativeFaults(fleet);
    for (const [type, input] of Object.entries(inputs)) {
      const lines = sentences.map((text) => ({ input: input(text) }));
      for (const urgency of ["now", "whenever"])
        // oxlint-disable-next-line no-await-in-loop -- uploads one after the other
        await fleet.caller.submit(`type=${type}&urgency=${urgency}`, lines);
    }
    await waitForRest(fleet, 360_000);
    const { rows: ends } = await fleet.db.query<{ lane: string; state: string; n: number }>(
      "SELECT lane, state, count(*)::int AS n FROM jobs GROUP BY 1, 2",
    );
    for (const lane of ["realtime", "batch"])
      for (const state of ["succeeded", "refused", "truncated", "failed"])
        expect(
          ends.find((end) => end.lane === lane && end.state === state)?.n,
          `${lane} ${state}`,
        ).toBeGreaterThan(0);
    await judge(fleet.db, fleet.simulator);

    const find = createFinder(phrasesToFind());
    const { rows: stored } = await fleet.db.query<{ text: string }>(
      "SELECT string_agg(input, ' ') AS text FROM job_inputs",
    );
    // The search finds what is there to be found.
    expect(find(stored[0]?.text ?? "").length).toBeGreaterThan(10_000);
    const metrics = await (await fleet.operator.send("/metrics")).text();
    const places = {
      answers: answers.join("\n"),
      rows: await readTables(fleet),
      queue: await readQueue(fleet),
      metrics,
      logs: fleet.output(),
    };
    for (const [place, text] of Object.entries(places)) expect(text.length, place).toBeGreaterThan(500);
    const leaks = Object.entries(places).map(([place, text]) => [place, find(text)]);
    expect(Object.fromEntries(leaks)).toEqual({ answers: [], rows: [], queue: [], metrics: [], logs: [] });
  });
});
