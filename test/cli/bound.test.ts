// sluice bound, on a real database: what is known of counts and caps, and the way back on.
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { documentOf, run } from "./cli.ts";
import { openOperatorHome, type OperatorHome } from "./operator-home.ts";

let home: OperatorHome;
let db: pg.Client;
let environment: Record<string, string> = {};
beforeAll(async () => {
  home = await openOperatorHome();
  ({ db, environment } = home);
});
afterAll(async () => {
  await home.close();
});

test("what is off says why, and a person's word begins anew", async () => {
  expect((await run(["bound", "list"], { environment })).stdout).toContain("Nothing was counted yet.");
  await db.query(
    `INSERT INTO count_trust (model, samples, worst_bp, off_at, off_reason) VALUES ('claude-haiku-5-5', 70, 2500, now(), 'a bill was 25.00 % above'),
       ('claude-opus-5', 70, 150, NULL, NULL)`,
  );
  await db.query(
    `INSERT INTO right_sizes (job_type, prompt_version, model, lengths, samples, cap, sized, truncated, off_at, off_reason)
     VALUES ('say-shortly', 1, 'claude-haiku-5-5', '{}', 300, NULL, 200, 3, now(), '3 of 200 answers were cut'),
            ('say-shortly', 2, 'claude-haiku-5-5', '{}', 250, 88, 40, 0, NULL, NULL)`,
  );
  const listed = await run(["bound", "list"], { environment });
  expect(listed.stdout).toMatch(/claude-haiku-5-5 +off: a bill was 25.00 % above +10% +25% +70/);
  expect(listed.stdout).toMatch(/claude-opus-5 +used +10% +1.5% +70/);
  expect(listed.stdout).toMatch(
    /say-shortly +1 +claude-haiku-5-5 +off: 3 of 200 answers were cut +300 +3 of 200/,
  );
  expect(listed.stdout).toMatch(/say-shortly +2 +claude-haiku-5-5 +88 +250 +0 of 40/);

  const argv = ["bound", "trust", "claude-haiku-5-5", "--margin-pct", "30", "--reason", "new tokenizer"];
  expect(await run(argv, { environment })).toMatchObject({ code: 0, stderr: "" });
  expect(
    await run(["bound", "size", "say-shortly", "--reason", "new prompt"], { environment }),
  ).toMatchObject({
    code: 0,
  });
  const now = documentOf(await run(["bound", "list", "--json"], { environment }));
  expect(now).toMatchObject({
    counts: [
      { model: "claude-haiku-5-5", off: false, samples: 0, marginBp: 3_000 },
      { model: "claude-opus-5" },
    ],
    right_sizes: [
      { promptVersion: 1, offReason: null, sized: 0 },
      { promptVersion: 2, cap: 88 },
    ],
  });
  const { rows } = await db.query("SELECT act, subject_id, detail FROM audit_events ORDER BY id");
  expect(rows).toEqual([
    {
      act: "count.trusted_again",
      subject_id: "claude-haiku-5-5",
      detail: { margin_bp: 3_000, reason: "new tokenizer" },
    },
    { act: "size.again", subject_id: "say-shortly", detail: { reason: "new prompt" } },
  ]);
});

test("a model that was never counted and a type that is not off are told so", async () => {
  const trust = await run(["bound", "trust", "claude-sonnet-5", "--reason", "why"], { environment });
  expect(trust.code).toBe(exitCodes.refused);
  expect(trust.stderr).toBe(
    "error: Requests of claude-sonnet-5 were never counted: there is nothing to begin anew.\n" +
      "sluice bound list shows what was counted and sized, and what is off.\n",
  );
  const unknown = await run(["bound", "trust", "claude-haikou", "--reason", "why"], { environment });
  expect(unknown.code).toBe(exitCodes.refused);
  expect(unknown.stderr).toContain("claude-haikou is the name of no model known here.");
  const size = await run(["bound", "size", "nothing", "--reason", "why"], { environment });
  expect(size.code).toBe(exitCodes.refused);
  expect(size.stderr).toContain("No right-sizing of nothing is off.");
  const wide = ["bound", "trust", "claude-opus-5", "--margin-pct", "101", "--reason", "why"];
  expect((await run(wide, { environment })).code).toBe(exitCodes.usage);
});
