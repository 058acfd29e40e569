// What a run shows: lines that stay, and below them, on a terminal, one block that is redrawn. Without a terminal the block becomes
// a plain line now and then.
export interface ScreenTarget {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface DemoScreen {
  /** A line that stays. */
  say(line: string): void;
  /** The block as it is now; `summary` is the same in one line, for where there is no terminal. */
  draw(block: readonly string[], summary: string): void;
  /** Leaves the last block where it stands. */
  finish(): void;
}

const plainEveryMs = 3_000;
const widthUnknown = 100;

export function createScreen(
  target: ScreenTarget,
  nowMs: () => number = () => performance.now(),
): DemoScreen {
  return target.isTTY === true ? liveScreen(target) : plainScreen(target, nowMs);
}

function liveScreen(target: ScreenTarget): DemoScreen {
  let drawn: readonly string[] = [];
  // Up to the block's first line, then everything below is cleared.
  const erase = (): string => (drawn.length === 0 ? "" : `\u001B[${drawn.length}F\u001B[0J`);
  // A line that wraps would be two, and the block would creep down. Some terminals say their width is 0.
  const fitted = (line: string): string => line.slice(0, Math.max(20, (target.columns || widthUnknown) - 1));
  const text = (lines: readonly string[]): string => lines.map((line) => `${fitted(line)}\n`).join("");
  return {
    say(line) {
      target.write(`${erase()}${line}\n${text(drawn)}`);
    },
    draw(block) {
      const before = erase();
      drawn = block;
      target.write(before + text(block));
    },
    finish() {
      drawn = [];
    },
  };
}

function plainScreen(target: ScreenTarget, nowMs: () => number): DemoScreen {
  let last = "";
  let lastMs = -Infinity;
  return {
    say(line) {
      target.write(`${line}\n`);
    },
    draw(_block, summary) {
      if (summary === last || nowMs() - lastMs < plainEveryMs) return;
      last = summary;
      lastMs = nowMs();
      target.write(`${summary}\n`);
    },
    finish() {
      last = "";
    },
  };
}
