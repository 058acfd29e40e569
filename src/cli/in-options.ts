// Refusals in the words of who typed the command. The service names fields of bodies, queries and headers; on a command line they are
// options and arguments, and that is how they are told here, wherever the refused command has one of that name.
import type { Command } from "commander";
import { sluice } from "./typed.ts";

/** One thing wrong, as the service says it; `line`: in that line of an upload, where the names are the caller's own. */
export interface WrongField {
  readonly line?: number | undefined;
  readonly field: string;
  readonly reason: string;
}

type Typed = Pick<Command, "options" | "registeredArguments">;

/** One error of an upload or a body, as a line. */
export function wrongLine({ line, field, reason }: WrongField, command?: Typed): string {
  if (line !== undefined) return `line ${line}: ${field} ${reason}`.trim();
  return `${(command && typedName(field, command)) ?? field} ${reason}`.trim();
}

/** `?on_invalid`, `budget.limit_usd`, `default_type`, `Sluice-Tenant`, `caps.attempts_max`: as they are typed, if they are. */
function typedName(field: string, { options, registeredArguments }: Typed): string | undefined {
  const [first = "", ...rest] = field.replace(/^\?/, "").split(".");
  if (first === "caps" && rest.length > 0) return `--cap ${rest.join(".")}`;
  const name = kebab(rest.at(-1) ?? first);
  for (const candidate of [name, name.replace(/^default-/, ""), name.replace(/^sluice-/, "")]) {
    const option = options.find(({ long }) => long === `--${candidate}`);
    if (option?.long !== undefined) return option.long ?? undefined;
    const argument = registeredArguments.find((one) => one.name() === candidate);
    if (argument !== undefined) return argument.name().toUpperCase();
  }
  return undefined;
}

const kebab = (name: string): string => name.toLowerCase().replaceAll("_", "-");

/** A hint of the service with `on_invalid=skip` and its like as they are typed. */
export const hintInOptions = (hint: string, { options }: Typed): string =>
  hint.replace(/\b([a-z]+(?:_[a-z]+)+)(?:=(\w+))?/g, (whole, name: string, value: string | undefined) => {
    const long = `--${kebab(name)}`;
    if (!options.some((option) => option.long === long)) return whole;
    return value === undefined ? long : `${long} ${value}`;
  });

/** Hints of the catalogue that speak of requests, as they are meant on a command line. */
export const hintsHere: Readonly<Record<string, string>> = {
  invalid_input: "Correct what is named above; --help shows what the command takes.",
  invalid_query: "Correct what is named above; --help shows what the command takes.",
  invalid_header: "Correct what is named above; --help shows what the command takes.",
  unauthorized: `Set SLUICE_KEY to a key that is in force; ${sluice} key create makes one.`,
  queue_not_found: `${sluice} queue list shows those there are, ${sluice} queue set NAME makes one.`,
  budget_below_committed: "Choose at least the limit named above, or say --force: then nothing new starts.",
  restore_unrecovered: `Run ${sluice} recover.`,
};
