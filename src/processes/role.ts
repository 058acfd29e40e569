/** A running role of a process. */
export interface Role {
  /** From now on it starts nothing; what it has in flight may end within `timeoutMs`, then it is aborted. Answers how many were. */
  stop(timeoutMs: number): Promise<{ aborted: number }>;
}

/** Stops several roles at once. */
export async function stopAll(roles: readonly Role[], timeoutMs: number): Promise<{ aborted: number }> {
  const ends = await Promise.all(roles.map((role) => role.stop(timeoutMs)));
  return { aborted: ends.reduce((sum, end) => sum + end.aborted, 0) };
}
