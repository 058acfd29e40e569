// The command against the simulator's bill, by both ways to the provider's figures.
import { afterEach, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { documentOf, run } from "../cli/cli.ts";
import { openInstallation } from "../support/installation.ts";
import type { Installation } from "../support/installation.ts";
import { judge } from "../support/referee.ts";
import { submitBulk } from "../support/submit.ts";
import { waitFor } from "../support/wait.ts";

let installation: Installation | undefined;
afterEach(async () => {
  await installation?.close();
  installation = undefined;
});

const admin = { ANTHROPIC_ADMIN_KEY: "sk-ant-admin-test" };
const shared = { labels: ["card_lost", "refund", "change_pin"] };
const inputs = (howMany: number): Record<string, unknown>[] =>
  Array.from({ length: howMany }, (_, n) => ({ text: `I lost my card number ${n}, please help` }));

interface Row {
  by: string;
  name: string;
  settled_usd: string;
  presumed_usd: string;
  provider_usd: string;
  unexplained_usd: string;
  unexplained_pct: number;
  because: string[];
}
interface Reconciled {
  source: string;
  matches: boolean;
  rows: Row[];
  cost: { matches: boolean; rows: Row[] } | { error: string } | null;
}

async function reconcile(
  more: Record<string, string> = {},
  ...argv: string[]
): Promise<Reconciled & { code: number }> {
  const ran = await run(["reconcile", "--json", ...argv], {
    environment: { ...installation?.environment, ...more },
  });
  expect(ran.stderr).toBe("");
  return { ...(documentOf(ran) as Reconciled), code: ran.code };
}

const whole = ({ rows }: Reconciled): Row | undefined => rows.find(({ by }) => by === "whole");
const finished = async (): Promise<boolean> =>
  (await installation?.db.query("SELECT 1 FROM bulks WHERE finished_at IS NULL"))?.rowCount === 0;

/** A call that Sluice knows nothing of, with a key of its choice. */
async function callBesides(key: string): Promise<void> {
  const answer = await fetch(`${installation?.simulator.url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": key, "anthropic-version": "2026-10-21", "content-type": "application/json" },
    body: JSON.stringify({
      model: "claude-haiku-5-5",
      max_tokens: 200,
      messages: [{ role: "user", content: "Tell me something long. ".repeat(200) }],
    }),
  });
  expect(answer.status).toBe(200);
}

test("books that are right match the invoice to the nano-dollar and the usage report to its rounding; spend besides them does not", async () => {
  installation = await openInstallation();
  const { db, databaseUrl, simulator } = installation;
  await installation.start();
  await submitBulk(databaseUrl, { lane: "realtime", inputs: inputs(30), shared });
  await submitBulk(databaseUrl, { lane: "batch", inputs: inputs(60), shared });
  await waitFor("both bulks to finish", finished, { timeoutMs: 25_000 });
  await judge(db, simulator);

  const byInvoice = await reconcile();
  expect(byInvoice).toMatchObject({ code: exitCodes.done, matches: true, source: "the simulator's invoice" });
  expect(new Set(byInvoice.rows.map(({ by }) => by))).toEqual(new Set(["whole", "model", "day", "batch"]));
  for (const row of byInvoice.rows)
    expect(row).toMatchObject({ unexplained_usd: "0.00", settled_usd: row.provider_usd });

  const byReport = await reconcile(admin);
  expect(byReport).toMatchObject({ code: exitCodes.done, matches: true, source: "usage report" });
  expect(new Set(byReport.rows.map(({ by }) => by))).toEqual(new Set(["whole", "model", "day"]));

  // The provider's own dollars beside it, by day, without our price table.
  expect(byInvoice.cost).toBeNull();
  expect(byReport.cost).toMatchObject({ source: "cost report", matches: true });
  const costRows = byReport.cost !== null && "rows" in byReport.cost ? byReport.cost.rows : [];
  expect(new Set(costRows.map(({ by }) => by))).toEqual(new Set(["whole", "model", "day"]));
  for (const row of costRows)
    expect(row).toMatchObject({ unexplained_usd: "0.00", settled_usd: row.provider_usd });
  // It knows no keys, so it is left out where keys are named.
  expect(await reconcile(admin, "--api-key-id", "apikey_x")).toMatchObject({ cost: null });
  simulator.addFault({
    action: "error",
    match: { path: "/v1/organizations/cost_report" },
    params: { status: 404 },
  });
  expect(await reconcile(admin)).toMatchObject({
    code: exitCodes.done,
    cost: { error: expect.stringContaining("refused with 404") },
  });

  await callBesides("simulated");
  const after = await reconcile();
  expect(after).toMatchObject({ code: exitCodes.unexplained, matches: false });
  expect(whole(after)?.unexplained_pct).toBeGreaterThan(1);
  expect(await reconcile(admin)).toMatchObject({ code: exitCodes.unexplained, cost: { matches: false } });
});

test("another key's spend is not ours by the invoice, and by the report only unless it is named", async () => {
  installation = await openInstallation();
  await installation.start();
  await submitBulk(installation.databaseUrl, { lane: "realtime", inputs: inputs(10), shared });
  await waitFor("the bulk to finish", finished, { timeoutMs: 25_000 });
  await callBesides("somebody-else");
  expect(await reconcile()).toMatchObject({ code: exitCodes.done });
  expect(await reconcile(admin)).toMatchObject({ code: exitCodes.unexplained });
});

test("a batch that the provider has billed and we have not fetched is in progress, not unexplained", async () => {
  installation = await openInstallation({
    simulator: { resultsLagMs: 3_600_000, batchDurationMs: { min: 100, max: 200 } },
  });
  const { db, databaseUrl, simulator } = installation;
  await installation.start();
  await submitBulk(databaseUrl, { lane: "batch", inputs: inputs(20), shared });
  await waitFor("the batch to end", async () => {
    const { rows } = await db.query("SELECT 1 FROM message_batches WHERE state = 'ended'");
    return rows.length > 0 && (await simulator.totalNano()) > 0n;
  });
  const open = await reconcile();
  expect(open).toMatchObject({ code: exitCodes.done, matches: true });
  expect(whole(open)).toMatchObject({ settled_usd: "0.00", because: ["in progress"] });
  expect(await reconcile(admin)).toMatchObject({ code: exitCodes.done, matches: true });
});

test("without a simulator the figures need an admin key", async () => {
  installation = await openInstallation();
  const ran = await run(["reconcile"], {
    environment: { ...installation.environment, SLUICE_PROVIDER_URL: "https://api.anthropic.com" },
  });
  expect(ran).toMatchObject({ code: exitCodes.usage, stdout: "" });
  expect(ran.stderr).toContain("ANTHROPIC_ADMIN_KEY");
});
