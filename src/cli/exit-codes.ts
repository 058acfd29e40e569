// How a command ends, for scripts that look. docs/cli.md has the same table.
import type { WrongField } from "./in-options.ts";

export const exitCodes = {
  /** Done. */
  done: 0,
  /** The service, or the database, refused or failed; the message says what to do. */
  refused: 1,
  /** The command or the configuration is not valid; nothing was tried. */
  usage: 2,
  /** Nothing answers where the service or a store should be. */
  unreachable: 3,
  /** The bulk has finished and not every job of it succeeded (watch, and submit --watch). */
  unsuccessful: 4,
  /** The service went down with calls in flight that did not end in time: they were booked at their worst case and requeued. */
  aborted: 5,
  /** The books and the provider's figures differ by more than is explained (reconcile). */
  unexplained: 6,
  /** Not everything since the backup could be booked yet; everything stays stopped (recover). */
  unrecovered: 7,
  /** The stop is in force and was not complete in the time given: the receipt says what is unconfirmed or still in flight. */
  unconfirmed: 8,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

interface MoreOfError {
  readonly hint: string;
  readonly fields?: readonly WrongField[];
  readonly details?: readonly string[];
}

/** A command cannot go on: what is wrong, and what to do about it. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  readonly hint: string;
  /** What is wrong with single fields, or lines of an upload. */
  readonly fields: readonly WrongField[];
  /** Further lines, below those of the fields. */
  readonly details: readonly string[];

  constructor(exitCode: ExitCode, message: string, more: MoreOfError) {
    super(message);
    this.exitCode = exitCode;
    this.hint = more.hint;
    this.fields = more.fields ?? [];
    this.details = more.details ?? [];
  }
}
