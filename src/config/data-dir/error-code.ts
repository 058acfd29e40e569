/** The code of a system or database error (ENOENT, 28P01); undefined for anything without one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
