// Watching a bulk until its end: a line that is redrawn on a terminal, otherwise a line whenever something changed. The service may
// go away and come back meanwhile; only after `watchPatienceMs` without an answer the watcher gives up.
import { setTimeout as delay } from "node:timers/promises";
import { type BulkStatus, isFinished, progressLine, readBulk } from "./bulk-status.ts";
import type { Client } from "./client.ts";
import type { Screen } from "./deps.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { cliLimits } from "./limits.ts";

/** Resolves with the bulk when every job of it has its outcome. Progress goes to `screen`, null shows none. */
export async function watchBulk(client: Client, id: string, screen: Screen | null): Promise<BulkStatus> {
  const draw = screen === null ? () => undefined : drawer(screen);
  let answeredAtMs = performance.now();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other is what watching is
    const seen = await readBulk(client, id).catch((error: unknown) => awayOrThrow(error, answeredAtMs));
    if (seen !== null) {
      answeredAtMs = performance.now();
      draw(progressLine(seen), isFinished(seen));
      if (isFinished(seen)) return seen;
    } else draw(`nothing answers at ${client.url}; trying again`, false);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await delay(cliLimits.watchEveryMs);
  }
}

function awayOrThrow(error: unknown, answeredAtMs: number): null {
  const away = error instanceof CliError && error.exitCode === exitCodes.unreachable;
  if (away && performance.now() - answeredAtMs < cliLimits.watchPatienceMs) return null;
  throw error;
}

type Draw = (line: string, last: boolean) => void;

function drawer(screen: Screen): Draw {
  if (screen.isTTY !== true) {
    let before = "";
    return (line) => {
      if (line !== before) screen.write(`${line}\n`);
      before = line;
    };
  }
  return (line, last) => {
    const width = Math.max(20, (screen.columns ?? 80) - 1);
    screen.write(`\r\u001B[2K${line.slice(0, width)}${last ? "\n" : ""}`);
  };
}
