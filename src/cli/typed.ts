// How this program is typed where it runs: `sluice …`, or in a clone through npm. Texts that name a command write `${sluice} lift ID`;
// whatever leaves for a person goes through `asTyped`. The service's own texts do not: it cannot know where they are read.
import type { CliDeps } from "./deps.ts";

/** The program in a text. The private character before it tells it from a word that somebody else has written. */
export const sluice = "\u{E000}sluice";

/** A text with the program as it was typed itself; npm tells the scripts it runs which of them they are. */
export const asTyped = (text: string, { environment }: Pick<CliDeps, "environment">): string =>
  text.replaceAll(
    sluice,
    environment["npm_lifecycle_event"] === "sluice" ? "npm run --silent sluice --" : "sluice",
  );
