import { describe, expect, test } from "vitest";
import { compileTemplate, fillTemplate } from "../../src/domain/template.ts";

const fields = new Set(["labels", "instructions", "limits"]);
const fill = (template: string, values: Record<string, unknown>): string =>
  fillTemplate(compileTemplate(template, fields), values);

describe("values", () => {
  test("text stands as it is, lists one item a line, anything else as JSON", () => {
    expect(fill("A {{instructions}} B", { instructions: "x\ny" })).toBe("A x\ny B");
    expect(fill("{{labels}}", { labels: ["a", "b"] })).toBe("- a\n- b");
    expect(fill("{{limits}}", { limits: { max: 3 } })).toBe('{"max":3}');
    expect(fill("[{{limits}}]", {})).toBe("[]");
  });

  test("a value is inserted once: braces in it mean nothing", () => {
    expect(
      fill("{{instructions}}{{labels}}", { instructions: "{{labels}} {{#labels}}", labels: ["z"] }),
    ).toBe("{{labels}} {{#labels}}- z");
  });
});

describe("sections", () => {
  const template = "A\n{{#instructions}}\nmore: {{instructions}}\n{{/instructions}}\nB";
  test("show when there is a value", () =>
    expect(fill(template, { instructions: "x" })).toBe("A\nmore: x\nB"));
  for (const value of [undefined, null, "", []]) {
    test(`hide for ${JSON.stringify(value)}`, () =>
      expect(fill(template, { instructions: value })).toBe("A\nB"));
  }
});

describe("a template that cannot be right is refused", () => {
  const rows: [string, string][] = [
    ["{{text}}", "{{text}} is not an instruction field"],
    ["{{#text}}x{{/text}}", "{{text}} is not an instruction field"],
    ["{{ labels }}", "{{ labels }} is not an instruction field"],
    ["{{}}", "{{}} is not an instruction field"],
    ["{{#labels}}x", "{{#labels}} is not closed"],
    ["x{{/labels}}", "{{/labels}} closes nothing"],
    ["{{#labels}}{{#limits}}{{/labels}}{{/limits}}", "{{/labels}} closes nothing"],
  ];
  test.each(rows)("%s", (template, reason) => {
    expect(() => compileTemplate(template, fields)).toThrow(reason);
  });
});
