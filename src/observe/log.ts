// The log: one line per decision, an event of the closed list and flat fields beside it. Ids, numbers and codes only. What
// a caller sent, what the model answered and what unlocks anything never get here; three walls see to that: fields are flat
// primitives by type, strings are cut to the length of an id or code, and whatever looks like a secret is replaced.
import { pino } from "pino";
import { events, type EventName } from "./events.ts";
import { formatLine } from "./line-format.ts";

/** What a field may hold. Objects are refused by type: nobody can log a whole request or row. */
export type LogValue = string | number | bigint | boolean | null | undefined;
export type LogFields = Readonly<Record<string, LogValue>>;

export interface Log {
  /** Writes one event at the level of its entry in events.ts. */
  event(name: EventName, fields?: LogFields): void;
  /** The same log with fields on every line, such as the process id or a job's id. */
  child(fields: LogFields): Log;
}

interface LogDestination {
  write(line: string): unknown;
}

interface LogOptions {
  readonly level: "debug" | "info" | "warn" | "error" | "silent";
  /** `json` for machines, `line` for people. */
  readonly format: "json" | "line";
  /** Longest string of a field, in characters: `limits.logFieldCharsMax`. */
  readonly fieldCharsMax: number;
  /** Default: standard output, written at once, so that the last line before a crash is there. */
  readonly destination?: LogDestination;
}

/** A logger; built once per process and handed down. */
export function createLogger(options: LogOptions): Log {
  const destination = options.destination ?? pino.destination({ dest: 1, sync: true });
  const stream =
    options.format === "json"
      ? destination
      : { write: (json: string) => destination.write(formatLine(json)) };
  const logger = pino(
    {
      level: options.level,
      base: null,
      messageKey: "event",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return logOf(logger, options.fieldCharsMax);
}

function logOf(logger: pino.Logger, charsMax: number): Log {
  return {
    event: (name, fields = {}) => {
      const { level } = events[name];
      if (logger.isLevelEnabled(level)) logger[level](safeFields(fields, charsMax), name);
    },
    child: (fields) => logOf(logger.child(safeFields(fields, charsMax)), charsMax),
  };
}

/** Says nothing; for tests and scripts whose output is their result. */
export const silentLog: Log = { event: () => undefined, child: () => silentLog };

const secretName = /secret|password|authorization|cookie|api_?key$|token$/i;
// The provider's keys, our own keys, bearer headers, and the password part of a URL.
const secretText = /sk-ant-[\w-]+|\bslk_[\w-]{16,}|bearer\s+\S+|:\/\/[^\s/@]*:[^\s/@]*@/gi;

function safeFields(fields: LogFields, charsMax: number): Record<string, LogValue> {
  const safe: Record<string, LogValue> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "bigint") safe[name] = value.toString();
    else if (typeof value !== "string") safe[name] = value;
    else safe[name] = secretName.test(name) ? "***" : value.replace(secretText, "***").slice(0, charsMax);
  }
  return safe;
}
