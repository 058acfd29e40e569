// Follows a stop from the command line until it is complete or the time is over. It does what the living processes do as well
// (control/stops.ts), because there may be none; and it asks the provider itself to cancel message batches when no process with
// the batch lane lives, or when those that do have not come to it.
import { setTimeout as sleep } from "node:timers/promises";
import { chooseProvider, defaultCredentialId } from "../config/provider-choice.ts";
import { systemClock } from "../config/clock.ts";
import { cancelDirectly } from "../control/cancel-directly.ts";
import { receiptDocument, type ReceiptDocument } from "../control/stop-document.ts";
import { readReceipt } from "../control/stop-receipt.ts";
import { advanceStop, requireStop } from "../control/stops.ts";
import type { Gate } from "../domain/work-scope.ts";
import type { Pool } from "../postgres/pool.ts";
import { aliveProcesses } from "../postgres/processes.ts";
import type { StopRow } from "../postgres/stops.ts";
import { createProviderBatches, type ProviderBatches } from "../provider/batches.ts";
import { createProvider, type Provider } from "../provider/client.ts";
import type { CliDeps } from "./deps.ts";
import { cliLimits } from "./limits.ts";
import type { Operator } from "./operator.ts";
import { progressText } from "./receipt-text.ts";
import { configOf } from "./settings.ts";

/** The receipt of a stop as it stands now. */
export const documentOf = async (pool: Pool, row: StopRow): Promise<ReceiptDocument> =>
  receiptDocument(await readReceipt(pool, row), { whole: true });

/** Answers the last receipt read. */
export async function followStop(
  deps: CliDeps,
  { pool, log }: Operator,
  { id, mode }: StopRow,
  waitMs: number,
): Promise<ReceiptDocument> {
  const direct = openDirectCancel(deps, pool);
  const startedMs = systemClock.monotonicMs();
  let told = "";
  try {
    // oxlint-disable no-await-in-loop -- one look after the other
    for (;;) {
      const waitedMs = systemClock.monotonicMs() - startedMs;
      if (mode === "abort_and_cancel") await direct.cancel(waitedMs);
      await advanceStop({ database: pool, log }, id);
      const receipt = await documentOf(pool, await requireStop({ database: pool }, id, null));
      if (receipt.state !== "stopping" || waitedMs >= waitMs) return receipt;
      const text = progressText(receipt);
      if (text !== told) deps.stderr.write(`${text}\n`);
      told = text;
      await sleep(Math.min(cliLimits.stopLookMs, Math.max(1, waitMs - waitedMs)));
    }
    // oxlint-enable no-await-in-loop
  } finally {
    await direct.close();
  }
}

interface DirectCancel {
  /** Asks the provider where nobody else does. */
  cancel(waitedMs: number): Promise<void>;
  close(): Promise<void>;
}

/** It may cancel and nothing else: whatever costs or carries content finds the gate shut. */
const shutGate: Gate = () => ({ open: false, why: "stop", flagId: null, reason: "a command only cancels" });

function openDirectCancel(deps: CliDeps, pool: Pool): DirectCancel {
  const config = configOf(deps);
  const { apiKey } = chooseProvider(config);
  let warned = false;
  let opened: { provider: Provider; batches: ProviderBatches } | undefined;
  const open = (key: string) => {
    const provider = createProvider({
      baseUrl: config.providerUrl,
      apiKey: key,
      gate: shutGate,
      clock: systemClock,
    });
    const { cancelTimeoutMs: controlDeadlineMs, directCancelsMax: pageSize } = cliLimits;
    return { provider, batches: createProviderBatches(provider, { controlDeadlineMs, pageSize }) };
  };
  return {
    cancel: async (waitedMs) => {
      const { processes } = await aliveProcesses(pool, "batcher");
      if (processes > 0 && waitedMs < cliLimits.directCancelAfterMs) return;
      if (apiKey === null) {
        if (!warned)
          deps.stderr.write(
            "ANTHROPIC_API_KEY is not set (nor SLUICE_PROVIDER_URL, for a simulator): message batches cannot be canceled from here.\n",
          );
        warned = true;
        return;
      }
      opened ??= open(apiKey);
      const { batches } = opened;
      const parts = { database: pool, batches, clock: systemClock, credentialId: defaultCredentialId };
      const { asked, failed } = await cancelDirectly(parts, cliLimits.directCancelsMax);
      if (asked > 0) deps.stderr.write(`${asked} message batches canceled at the provider from here\n`);
      if (failed > 0) deps.stderr.write(`${failed} message batches could not be canceled yet\n`);
    },
    close: async () => opened?.provider.close(),
  };
}
