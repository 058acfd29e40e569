// Prompt templates. Deliberately two forms only, both for instruction fields:
//
//   {{field}}                      the value: text as it is, a list as one "- item" a line, anything else as JSON
//   {{#field}} … {{/field}}        what stands between, when the field has a value (not absent, null, empty text or empty list)
//
// A value is inserted once and never read again, so braces in it mean nothing. Data fields cannot be named at all: compiling
// such a template throws, which is how the loader and a test keep third-party text out of the instruction part of a prompt.

export type Template = readonly Part[];
type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "field"; readonly field: string }
  | { readonly kind: "section"; readonly field: string; readonly parts: Template };

const tag = /\{\{([#/]?)([^{}]*)\}\}(\n?)/g;

/**
 * Compiles a prompt. Throws with the reason when it names a field that is not an instruction field, or when a section is not
 * closed. A line break directly after a section's tag belongs to the tag.
 */
export function compileTemplate(text: string, instructionFields: ReadonlySet<string>): Template {
  const open: { field: string; parts: Part[] }[] = [{ field: "", parts: [] }];
  let end = 0;
  for (const match of text.matchAll(tag)) {
    const [whole, sign = "", field = "", newline = ""] = match;
    if (!instructionFields.has(field)) throw new Error(`{{${field}}} is not an instruction field`);
    const here = innermost(open);
    if (match.index > end) here.parts.push({ kind: "text", text: text.slice(end, match.index) });
    end = match.index + whole.length;
    if (sign === "#") open.push({ field, parts: [] });
    else if (sign === "/") closeSection(open, field);
    else {
      here.parts.push({ kind: "field", field });
      end -= newline.length;
    }
  }
  const last = innermost(open);
  if (open.length > 1) throw new Error(`{{#${last.field}}} is not closed`);
  last.parts.push({ kind: "text", text: text.slice(end) });
  return last.parts;
}

/** The prompt with the values of its instruction fields in place. */
export function fillTemplate(template: Template, values: Readonly<Record<string, unknown>>): string {
  let text = "";
  for (const part of template) {
    if (part.kind === "text") text += part.text;
    else if (part.kind === "field") text += display(values[part.field]);
    else if (display(values[part.field]) !== "") text += fillTemplate(part.parts, values);
  }
  return text;
}

function innermost(open: { field: string; parts: Part[] }[]): { field: string; parts: Part[] } {
  const last = open.at(-1);
  if (last === undefined) throw new Error("a section is closed that was never opened");
  return last;
}

function closeSection(open: { field: string; parts: Part[] }[], field: string): void {
  const section = open.pop();
  if (section === undefined || section.field !== field) throw new Error(`{{/${field}}} closes nothing`);
  innermost(open).parts.push({ kind: "section", field, parts: section.parts });
}

function display(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map((each) => `- ${display(each)}`).join("\n");
  return JSON.stringify(value);
}
