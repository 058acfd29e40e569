// Cuts a stream of bytes into lines. Works on bytes, because a character may be cut by a chunk and a broken character must be the
// fault of its own line only. Memory is bounded by one line: what is longer than allowed is counted and skipped, not kept.
//
// What is tolerated: a byte order mark at the start, CRLF, no newline at the end, blank lines. Blank lines are counted, so that a
// line number is the one an editor shows.
import { isUtf8 } from "node:buffer";

export interface RawLine {
  /** 1-based, blank lines included. */
  readonly number: number;
  /** Null if the line cannot be read; then `fault` says why. */
  readonly text: string | null;
  readonly fault: "too_long" | "not_utf8" | null;
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
const blank = /^[ \t\r]*$/;

export class LineSplitter {
  readonly #lineBytesMax: number;
  /** The beginning of a line whose end has not come yet. */
  #open: Buffer[] = [];
  #openBytes = 0;
  #tooLong = false;
  #lines = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** Lines seen so far, blank ones included. */
  get lines(): number {
    return this.#lines;
  }

  /** The lines that this chunk completes, without the blank ones. */
  push(chunk: Buffer): RawLine[] {
    const found: RawLine[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      this.#close(found, chunk.subarray(from, at));
      from = at + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return found;
  }

  /** The last line, if the stream did not end with a newline. */
  end(): RawLine[] {
    const found: RawLine[] = [];
    if (this.#openBytes > 0 || this.#tooLong) this.#close(found, Buffer.alloc(0));
    return found;
  }

  #keep(part: Buffer): void {
    // A carriage return at its end and, of the first line, the mark at its beginning are not counted.
    const marks = 1 + (this.#lines === 0 ? byteOrderMark.length : 0);
    if (this.#tooLong || this.#openBytes + part.length > this.#lineBytesMax + marks) {
      this.#tooLong = true;
      this.#open = [];
      this.#openBytes = 0;
      return;
    }
    // A copy: the chunk it is cut from is sixteen times larger and would be kept alive by it.
    this.#open.push(Buffer.from(part));
    this.#openBytes += part.length;
  }

  #close(found: RawLine[], last: Buffer): void {
    this.#lines += 1;
    const number = this.#lines;
    if (this.#tooLong) {
      this.#tooLong = false;
      found.push({ number, text: null, fault: "too_long" });
      return;
    }
    let bytes = last;
    if (this.#openBytes > 0) {
      bytes = Buffer.concat([...this.#open, last]);
      this.#open = [];
      this.#openBytes = 0;
    }
    const line = readLine(withoutMarks(bytes, number), number, this.#lineBytesMax);
    if (line !== null) found.push(line);
  }
}

function withoutMarks(bytes: Buffer, number: number): Buffer {
  const start = number === 1 && bytes.subarray(0, 3).equals(byteOrderMark) ? 3 : 0;
  const end = bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

function readLine(bytes: Buffer, number: number, bytesMax: number): RawLine | null {
  if (bytes.length === 0) return null;
  if (bytes.length > bytesMax) return { number, text: null, fault: "too_long" };
  if (!isUtf8(bytes)) return { number, text: null, fault: "not_utf8" };
  const text = bytes.toString("utf8");
  return blank.test(text) ? null : { number, text, fault: null };
}
