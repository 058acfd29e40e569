// sluice alerts, against a whole service.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { openInstallation, type Installation } from "../support/installation.ts";
import { documentOf, run } from "./cli.ts";

let installation: Installation;
let environment: Record<string, string> = {};
beforeAll(async () => {
  installation = await openInstallation();
  const service = await installation.start();
  environment = { SLUICE_URL: service.url ?? "", SLUICE_DATA_DIR: installation.config.dataDir };
});
afterAll(() => installation.close());

test("a test alert goes the whole way, and without a webhook says that the log is all there is", async () => {
  const sent = await run(["alerts", "test"], { environment });
  expect(sent).toMatchObject({ code: 0, stderr: "" });
  expect(sent.stdout).toMatch(
    /^Test alert \w{26} is a line of the log and no more: ALERT_WEBHOOK_URL is not set\.$/m,
  );
  const listed = await run(["alerts", "list", "--installation"], { environment });
  expect(listed.stdout).toMatch(
    / info +logged +installation +operator +This is a test of the alert path\.$/m,
  );
  const document = documentOf(
    await run(["alerts", "list", "--kind", "test", "--installation", "--json"], { environment }),
  );
  expect(document).toMatchObject({ alerts: [{ kind: "test", state: "logged" }], next: null });
});

test("with a tenant's key it says whose key it takes and where that is", async () => {
  const keys = await readFile(join(installation.config.dataDir, "keys.json"), "utf8");
  const { default: key } = JSON.parse(keys) as { default: string };
  const refused = await run(["alerts", "test"], { environment: { ...environment, SLUICE_KEY: key } });
  expect(refused).toMatchObject({ code: exitCodes.refused, stdout: "" });
  expect(refused.stderr).toContain("This needs a key of the installation.");
  expect(refused.stderr).toContain(
    `SLUICE_KEY holds a key that may not. Unset it on the machine of the service, and the installation's first key is used (installation in ${installation.config.dataDir}/keys.json)`,
  );
  expect(refused.stderr).toContain("sluice key create --installation");
  expect(refused.stderr).not.toContain(key);
});

test("a test alert that the webhook refuses is a failure with its reason", async () => {
  const other = await openInstallation({
    settings: {
      ALERT_WEBHOOK_URL: "http://127.0.0.1:1/nobody",
      ALERT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 5).toString("base64")}`,
    },
  });
  try {
    const service = await other.start();
    const refused = await run(["alerts", "test"], {
      environment: { SLUICE_URL: service.url ?? "", SLUICE_DATA_DIR: other.config.dataDir },
    });
    expect(refused).toMatchObject({ code: exitCodes.refused, stdout: "" });
    expect(refused.stderr).toMatch(/did not take test alert \w{26}: (econnrefused|unreachable)\./);
  } finally {
    await other.close();
  }
});
