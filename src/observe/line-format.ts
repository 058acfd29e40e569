// One line for a person: time, level, event, then the fields as name=value.
const levelMarks: Readonly<Record<string, string>> = { debug: "·", info: " ", warn: "!", error: "✗" };

/** Turns a JSON line of the log into a plain one; what is not JSON of ours passes unchanged. */
export function formatLine(json: string): string {
  const parsed: unknown = JSON.parse(json);
  if (typeof parsed !== "object" || parsed === null) return json;
  const fields = new Map<string, unknown>(Object.entries(parsed));
  const time = String(fields.get("time")).slice(11, 23);
  const mark = levelMarks[String(fields.get("level"))] ?? " ";
  const event = String(fields.get("event"));
  for (const name of ["time", "level", "event"]) fields.delete(name);
  const rest = [...fields].map(([name, value]) => `${name}=${String(value)}`).join(" ");
  return `${time} ${mark} ${event}${rest === "" ? "" : ` ${rest}`}\n`;
}
