// Reading a long, ordered set of rows a page at a time, by bounded ranges of its number (line, finish number).
//
// `… WHERE number > $1 ORDER BY number LIMIT 500` looks as if it did that. But a plan is chosen by estimates, and where a bulk of a
// million jobs is thought to be small (a new table, a plan made for the average bulk), every page reads and sorts the whole bulk.
// With both ends given, a page can never cost more than its range, whatever is believed. Ranges that hold nothing grow, so that
// gaps are crossed quickly.

interface Reading<Row> {
  /** Where to begin: the number after this one. */
  readonly after: number;
  /** The last number there is. */
  readonly last: number;
  /** Rows at most in one page; also the width of the first range. */
  readonly rowsMax: number;
  /** Reads the rows with `after` < number ≤ `to`, in order, at most `rowsMax`. */
  read(after: number, to: number): Promise<Row[]>;
  numberOf(row: Row): number;
}

const widthMax = 50_000;

/** The pages, without empty ones. */
export async function* pagesByRange<Row>(reading: Reading<Row>): AsyncGenerator<Row[]> {
  const { last, rowsMax } = reading;
  let width = rowsMax;
  for (let after = reading.after; after < last;) {
    const to = Math.min(after + width, last);
    // oxlint-disable-next-line no-await-in-loop -- a page follows from the one before
    const rows = await reading.read(after, to);
    const end = rows.at(-1);
    const full = end !== undefined && rows.length >= rowsMax;
    after = full ? reading.numberOf(end) : to;
    width = rows.length === 0 ? Math.min(width * 2, widthMax) : rowsMax;
    if (rows.length > 0) yield rows;
  }
}
