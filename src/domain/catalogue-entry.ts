// What is fixed about an error, whatever its occurrence.
export interface CatalogueEntry {
  /** HTTP status of the answer. */
  readonly status: number;
  /** One fixed sentence, the same at every occurrence. */
  readonly title: string;
  /** True when the same request may succeed later without any change to it. */
  readonly retryable: boolean;
  /** What the reader can do next. */
  readonly hint: string;
}

export const entry = (status: number, title: string, retryable: boolean, hint: string): CatalogueEntry => ({
  status,
  title,
  retryable,
  hint,
});
