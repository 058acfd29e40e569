// Ctrl-C. The first one ends the run in order, children and stores included; a second one ends it at once.
import type { DemoScreen } from "./screen.ts";

/** The exit code of a process that was interrupted. */
export const interruptedCode = 130;

/** Runs `work`; answers with its exit code, or with 130 as soon as a signal asks to end. The caller then cleans up. */
export async function untilInterrupted(work: () => Promise<number>, screen: DemoScreen): Promise<number> {
  const interrupted = new Promise<number>((resolve) => {
    let asked = false;
    const ask = (): void => {
      if (!asked) resolve(interruptedCode);
      asked = true;
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (asked) process.exit(interruptedCode);
        ask();
        screen.finish();
        process.stderr.write("Ending …\n");
      });
    }
    // The terminal was closed, or the reader of a pipe has gone: nobody watches any more.
    process.stdout.on("error", ask);
    process.stderr.on("error", ask);
  });
  const running = work();
  // Once interrupted nobody listens to it any more, and its calls fail because the service goes away.
  running.catch(() => undefined);
  return Promise.race([running, interrupted]);
}
