// Cancels message batches at the provider without a process that runs the batch lane: for the one who pulls the switch when nothing
// of Sluice is alive. Asking twice does no harm there, so this may run beside a batch lane that is only slow. What the canceled batches
// have computed is fetched and booked by the next process with the batch lane, as ever.
import type { Clock } from "../domain/clock.ts";
import { markCancelSent } from "../postgres/message-batches.ts";
import type { Database } from "../postgres/pool.ts";
import { readUnsentCancels } from "../postgres/stops.ts";
import type { ProviderBatches } from "../provider/batches.ts";

interface DirectDeps {
  readonly database: Database;
  readonly batches: Pick<ProviderBatches, "cancel">;
  readonly clock: Clock;
  readonly credentialId: string;
}

/** Asks for up to `rowsMax` of them; answers how many the provider has taken, and how many it has not. */
export async function cancelDirectly(
  { database, batches, clock, credentialId }: DirectDeps,
  rowsMax: number,
): Promise<{ asked: number; failed: number }> {
  const unsent = await readUnsentCancels(database, credentialId, rowsMax);
  let asked = 0;
  for (const { id, providerId } of unsent) {
    // oxlint-disable-next-line no-await-in-loop -- one call after the other: they share the provider's limits
    const end = await batches.cancel(providerId);
    // A refusal of the act itself says that there is nothing left to cancel.
    const taken =
      end.kind === "answer" || (end.kind === "error" && (end.status === 400 || end.status === 409));
    if (!taken) continue;
    // oxlint-disable-next-line no-await-in-loop -- what was asked is written down before the next
    await markCancelSent(database, id, clock.now());
    asked += 1;
  }
  return { asked, failed: unsent.length - asked };
}
