// Lines out of a stream of bytes. Chunks end anywhere, inside a line and inside a character; a line is handed on when its end has
// been seen. What follows the last line end is not a line but a download that was cut, unless it is empty.

const newline = 0x0a;

/** What makes a download worthless from here on. */
export class BrokenDownload extends Error {
  override readonly name = "BrokenDownload";
  readonly why: "cut_mid_line" | "line_too_long" | "not_a_result" | "unavailable";

  constructor(why: BrokenDownload["why"]) {
    super(why);
    this.why = why;
  }
}

/**
 * The lines of a stream as text, without their ends; blank ones are left out.
 * @throws BrokenDownload when a line is longer than `bytesMax` or the stream ends inside one
 */
export async function* splitLines(
  stream: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<string> {
  // The pieces of a line that is not complete; joined once, so that a huge line costs its length and not its square.
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      const last = chunk.subarray(from, end);
      from = end + 1;
      if (bytes + last.length > bytesMax) throw new BrokenDownload("line_too_long");
      const text = (
        pieces.length === 0
          ? Buffer.from(last.buffer, last.byteOffset, last.length)
          : Buffer.concat([...pieces, last])
      ).toString("utf8");
      pieces = [];
      bytes = 0;
      if (text.trim() !== "") yield text;
    }
    const rest = chunk.subarray(from);
    bytes += rest.length;
    if (bytes > bytesMax) throw new BrokenDownload("line_too_long");
    if (rest.length > 0) pieces.push(rest);
  }
  if (Buffer.concat(pieces).toString("utf8").trim() !== "") throw new BrokenDownload("cut_mid_line");
}
