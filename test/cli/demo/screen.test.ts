// One block that is redrawn on a terminal, plain lines elsewhere.
import { expect, test } from "vitest";
import { createScreen } from "../../../scripts/demo/screen.ts";

const target = (isTTY: boolean, columns?: number) => {
  const written: string[] = [];
  return { written, isTTY, columns, write: (text: string) => void written.push(text) };
};

test("on a terminal the block is replaced where it stands, and lines that stay go above it", () => {
  const terminal = target(true, 80);
  const screen = createScreen(terminal);
  screen.draw(["a", "b"], "ignored");
  screen.draw(["c", "d"], "ignored");
  screen.say("something happened");
  expect(terminal.written).toEqual([
    "a\nb\n",
    "\u001B[2F\u001B[0Jc\nd\n",
    "\u001B[2F\u001B[0Jsomething happened\nc\nd\n",
  ]);
  screen.finish();
  screen.say("the end");
  expect(terminal.written.at(-1)).toBe("the end\n");
});

test("lines of the block never wrap, also where the width is not known", () => {
  const narrow = target(true, 30);
  createScreen(narrow).draw(["x".repeat(50)], "");
  expect(narrow.written).toEqual([`${"x".repeat(29)}\n`]);
  const unknown = target(true, 0);
  createScreen(unknown).draw(["x".repeat(50)], "");
  expect(unknown.written).toEqual([`${"x".repeat(50)}\n`]);
});

test("without a terminal there is a line now and then, never a control character, never the same twice", () => {
  const file = target(false);
  let nowMs = 0;
  const screen = createScreen(file, () => nowMs);
  const at = (ms: number, summary: string): void => {
    nowMs = ms;
    screen.draw(["a block"], summary);
  };
  at(0, "one");
  at(1_000, "two");
  at(4_000, "three");
  at(8_000, "three");
  screen.say("something happened");
  expect(file.written).toEqual(["one\n", "three\n", "something happened\n"]);
});
