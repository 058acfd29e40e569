// Commands that list things, where there is nothing: one plain line in place of a bare heading, and what makes one.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAnswering, type Answering } from "./answering.ts";
import { documentOf, run } from "./cli.ts";
import { openOperatorHome, type OperatorHome } from "./operator-home.ts";

let home: OperatorHome;
let service: Answering;
beforeAll(async () => {
  home = await openOperatorHome();
  service = await openAnswering();
  service.answer({
    "GET /v1/queues": { queues: [], next: null },
    "GET /v1/budgets": { budgets: [], next: null },
    "GET /v1/budgets/b1/holds": { holds: [], next: null },
    "GET /v1/alerts": { alerts: [], next: null },
  });
});
afterAll(async () => {
  await home.close();
  await service.close();
});

const sluice = (...argv: string[]) =>
  run(argv, { environment: { ...home.environment, ...service.environment } });

test.each([
  ["queue list", "No queues. Next: sluice queue set NAME --owner WHO"],
  ["budget list", "No budget is in force. Next: sluice budget create queue NAME --limit-usd 5 --window day"],
  ["budget list --scope queue", "No such budget is in force."],
  ["budget list --target tickets --ended", "No such budgets."],
  ["budget holds b1", "Nothing is held in this budget now."],
  ["alerts list", "No alerts. Whether one would reach you: sluice alerts test"],
  ["alerts list --kind test", "No such alerts."],
  ["stops", "Nothing was ever stopped here."],
  ["stops --open", "No stop is in force."],
  [
    "key list --tenant installation",
    "No keys. Next: sluice key create --installation --holder-kind person --holder NAME --scopes submit,read",
  ],
])("sluice %s", async (command, says) => {
  const argv = command.split(" ");
  expect(await sluice(...argv)).toEqual({ code: 0, stdout: `${says}\n`, stderr: "" });
  const document = documentOf(await sluice(...argv, "--json")) as Record<string, unknown>;
  expect(Object.values(document)[0]).toEqual([]);
});

test("the receipt of a stop that no process was there to confirm says so", async () => {
  const stopped = await sluice("stop", "--all", "--reason", "a test");
  expect(stopped.stdout).toContain("\n\nNo process of Sluice was running.\n\n");
});
