/**
 * Reads `{"requests":[…]}` as it arrives and hands over each element's bytes, so that a body of 256 MB is never held or parsed
 * as a whole. What stands around the elements is kept as a skeleton with a 0 for each of them: parsing the skeleton at the end
 * proves that the frame was valid JSON, the caller proves it for each element.
 */
import { parseJson } from "../json.ts";

const skeletonBytesMax = 4 * 1024 * 1024;

const listOpening = 0x5b;
/** Enough for the name, a colon and generous white space. */
const nameBytesMax = 256;

const quote = 0x22;
const zero = Buffer.from("0");
const backslash = 0x5c;
const openings = new Set([0x7b, 0x5b]);
const closings = new Set([0x7d, 0x5d]);
const comma = 0x2c;
const space = 0x20;

export class RequestScanner {
  readonly #take: (element: Buffer) => void;
  /** One buffer that grows: thousands of small ones would keep alive the slabs they share with the elements. */
  #skeleton = Buffer.allocUnsafeSlow(64 * 1024);
  #skeletonLength = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Depth inside the list of requests; 0 while outside. */
  #listDepth = 0;
  #pending: Buffer[] = [];
  #inElement = false;
  #isTooLong = false;

  constructor(take: (element: Buffer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length)
      from = this.#inElement ? this.#scanElement(chunk, from) : this.#scanFrame(chunk, from);
  }

  /** The frame, parsed: `requests` holds a 0 per element. Throws the API's 400 for malformed JSON. */
  finish(): unknown {
    // An element that never closed makes the frame invalid: its 0 is missing.
    return parseJson(this.#isTooLong ? Buffer.from("{") : this.#skeleton.subarray(0, this.#skeletonLength));
  }

  #scanElement(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#depth === this.#listDepth) {
      // Its opening bracket.
      this.#depth += 1;
      at += 1;
    }
    while (at < chunk.length && this.#depth > this.#listDepth) {
      if (this.#inString) {
        at = this.#scanString(chunk, at);
        continue;
      }
      const byte = chunk[at];
      at += 1;
      if (byte === quote) this.#inString = true;
      else if (byte === 0x7b || byte === 0x5b) this.#depth += 1;
      else if (byte === 0x7d || byte === 0x5d) this.#depth -= 1;
    }
    this.#pending.push(chunk.subarray(from, at));
    if (this.#depth === this.#listDepth) this.#closeElement();
    return at;
  }

  /** Jumps from quote to quote; one behind an odd number of backslashes does not end the string. */
  #scanString(chunk: Buffer, from: number): number {
    if (this.#escaped) {
      this.#escaped = false;
      return from + 1;
    }
    const found = chunk.indexOf(quote, from);
    const end = found < 0 ? chunk.length : found;
    let first = end;
    while (first > from && chunk[first - 1] === backslash) first -= 1;
    const isEscaped = (end - first) % 2 === 1;
    if (found < 0) this.#escaped = isEscaped;
    else this.#inString = isEscaped;
    return found < 0 ? end : end + 1;
  }

  #closeElement(): void {
    this.#inElement = false;
    const [only] = this.#pending;
    const element = this.#pending.length === 1 && only !== undefined ? only : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#keep(zero);
    this.#take(element);
  }

  /** Walks over what is not an element, up to the start of one. */
  #scanFrame(chunk: Buffer, start: number): number {
    let from = start;
    let at = start;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      if (byte <= space && !this.#inString) {
        at += 1;
        continue;
      }
      const startsElement =
        !this.#inString && this.#depth === this.#listDepth && this.#listDepth > 0 && openings.has(byte);
      if (startsElement) {
        this.#keep(chunk.subarray(from, at));
        this.#inElement = true;
        return at;
      }
      at += 1;
      if (this.#step(byte)) {
        // Only what stands before the bracket tells whether this list is the one.
        this.#keep(chunk.subarray(from, at - 1));
        if (this.#endsWithName()) this.#listDepth = this.#depth;
        from = at - 1;
      }
    }
    this.#keep(chunk.subarray(from, at));
    return at;
  }

  /** One byte of the frame; true for the bracket of a list that is a member of the whole. */
  #step(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) this.#inString = false;
      return false;
    }
    if (byte === comma) return false;
    if (byte === quote) this.#inString = true;
    else if (closings.has(byte)) this.#close();
    else if (openings.has(byte)) this.#depth += 1;
    return byte === listOpening && this.#depth === 2;
  }

  #endsWithName(): boolean {
    const tail = this.#skeleton.subarray(
      Math.max(0, this.#skeletonLength - nameBytesMax),
      this.#skeletonLength,
    );
    return /"requests"\s*:\s*$/.test(tail.toString("latin1"));
  }

  #close(): void {
    if (this.#depth === this.#listDepth) this.#listDepth = 0;
    this.#depth -= 1;
  }

  #keep(bytes: Buffer): void {
    const length = this.#skeletonLength + bytes.length;
    if (length > skeletonBytesMax) {
      this.#isTooLong = true;
      return;
    }
    if (length > this.#skeleton.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, this.#skeleton.length * 2));
      this.#skeleton.copy(larger, 0, 0, this.#skeletonLength);
      this.#skeleton = larger;
    }
    bytes.copy(this.#skeleton, this.#skeletonLength);
    this.#skeletonLength = length;
  }
}
