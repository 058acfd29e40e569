// Where a budget's window begins and ends. A window is a row with two instants, computed once from the calendar of the
// budget's time zone: a day may have 23, 24 or 25 hours, a month 28 to 31 days. `total` never ends.

import { DateTime } from "luxon";

export const windowKinds = ["day", "month", "total"] as const;
export type WindowKind = (typeof windowKinds)[number];

/** Half-open: the instant `endsAt` belongs to the next window. */
export interface WindowBounds {
  startsAt: Date;
  endsAt: Date;
}

/** As late as a timestamp of the database is read back exactly into a Date. */
const endOfTime = new Date("9999-12-31T00:00:00Z");

/** The window of a kind that contains the instant, in an IANA time zone. A total window starts when its budget was made. */
export function windowAt(kind: WindowKind, timeZone: string, at: Date, createdAt: Date): WindowBounds {
  if (kind === "total") return { startsAt: createdAt, endsAt: endOfTime };
  const local = DateTime.fromJSDate(at, { zone: timeZone });
  const start = local.startOf(kind);
  const end = start.plus(kind === "day" ? { days: 1 } : { months: 1 }).startOf(kind);
  return { startsAt: start.toJSDate(), endsAt: end.toJSDate() };
}

/** Whether the name is a time zone that this runtime knows. */
export function isTimeZone(name: string): boolean {
  return DateTime.local({ zone: name }).isValid;
}
