/**
 * Append-only bytes that stay in memory while small and move to an unnamed temporary file when large: a batch of 256 MB must
 * not take 256 MB of memory. The file is unlinked as soon as it is open, so nothing is left behind however the process ends.
 * Reads and writes are synchronous: they hit the page cache, and an await per line would cost more than the read.
 */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const memoryBytesMax = 4 * 1024 * 1024;
const tailBytes = 1024 * 1024;

let opened = 0;
/** Reused by every read of text, which is synchronous and copies. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

export class Spool {
  #tail = Buffer.allocUnsafe(4_096);
  #tailLength = 0;
  /** Bytes that are in the file; the tail begins here. */
  #flushed = 0;
  #file: number | null = null;

  get length(): number {
    return this.#flushed + this.#tailLength;
  }

  append(bytes: Buffer): void {
    if (this.#tailLength + bytes.length > this.#tail.length) this.#makeRoom(bytes.length);
    bytes.copy(this.#tail, this.#tailLength);
    this.#tailLength += bytes.length;
  }

  /** Appends text as UTF-8 without a buffer in between. */
  appendText(text: string): void {
    // A UTF-16 unit takes at most three bytes.
    if (this.#tailLength + text.length * 3 > this.#tail.length) this.#makeRoom(text.length * 3);
    this.#tailLength += this.#tail.write(text, this.#tailLength, "utf8");
  }

  /** Copies [from, to) to the start of `target`. */
  copyTo(target: Buffer, from: number, to: number): void {
    const inFile = Math.max(0, Math.min(to, this.#flushed) - from);
    if (inFile > 0 && this.#file !== null) readSync(this.#file, target, 0, inFile, from);
    if (to > this.#flushed)
      this.#tail.copy(target, inFile, Math.max(0, from - this.#flushed), to - this.#flushed);
  }

  /** [from, to) as text; no bytes are kept. */
  readText(from: number, to: number): string {
    const length = to - from;
    if (scratch.length < length) scratch = Buffer.allocUnsafeSlow(length * 2);
    this.copyTo(scratch, from, to);
    return scratch.toString("utf8", 0, length);
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
    this.#flushed = 0;
    this.#tailLength = 0;
    this.#tail = Buffer.alloc(0);
  }

  #makeRoom(bytes: number): void {
    const needed = this.#tailLength + bytes;
    if (this.#file === null && needed <= memoryBytesMax) {
      this.#resize(Math.max(needed, this.#tail.length * 2));
      return;
    }
    this.#flush();
    if (this.#tail.length < Math.max(tailBytes, bytes)) this.#resize(Math.max(tailBytes, bytes));
  }

  #resize(bytes: number): void {
    const larger = Buffer.allocUnsafe(bytes);
    this.#tail.copy(larger, 0, 0, this.#tailLength);
    this.#tail = larger;
  }

  #flush(): void {
    this.#file ??= openUnnamed();
    let done = 0;
    while (done < this.#tailLength) done += writeSync(this.#file, this.#tail, done, this.#tailLength - done);
    this.#flushed += this.#tailLength;
    this.#tailLength = 0;
  }
}

const openUnnamed = (): number => {
  opened += 1;
  const path = join(tmpdir(), `simulator-${process.pid}-${opened}.spool`);
  const file = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  return file;
};
